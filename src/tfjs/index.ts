/** The exports of `ganno/tfjs`. Needs the optional peer `@tensorflow/tfjs`; semantic versioning covers it. */

// Imported for their registrations with tfjs.
import './models/file-urls.js';
import './validation-callback.js';

export type { TfjsBackend, TfjsBackendInfo } from '../tensorflow/tfjs-backends.js';
export { heldOutLoss } from './held-out-loss.js';
export { type LayerCallbackOptions, layerCallback } from './layer-callback.js';
export { LayerwiseTfOptimizer } from './layerwise-tf-optimizer.js';
export { fileSystem } from './models/model-files.js';
export { openLayersModel } from './models/open-layers-model.js';
export type { LayerwiseTfOptimizerOptions } from './tf-optimizer-options.js';
export { useBestBackend } from './use-best-backend.js';
export { registerWasmTrainingKernels } from './wasm-kernels/register-wasm-kernels.js';
