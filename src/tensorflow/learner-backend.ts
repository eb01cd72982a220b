/**
 * Where the learner's matrices are multiplied: `wasm` (default; the same bits on every run), `cpu` (plain JavaScript, slow) or
 * `tensorflow` (tfjs-node-gpu or tfjs-node, bits not promised). Apart from what loads tfjs: the package's types must do without it.
 */
export const LEARNER_BACKENDS = ['wasm', 'cpu', 'tensorflow'] as const;
export type LearnerBackend = (typeof LEARNER_BACKENDS)[number];
