/**
 * The public face of ganno; semantic versioning covers what is exported here. Importing it loads neither the addon nor an optional
 * peer: each is loaded by the first call that needs it.
 */

export { type Config, parseConfig } from './config/config.js';
export type {
	ControlledLayer,
	DecisionReport,
	DivergenceScale,
	LayerwiseControllerOptions,
	RollbackOptions,
} from './control/controller-options.js';
export type { LayerwiseControllerState } from './control/controller-state.js';
export { type LayerEventFile, type LayerEventFileOptions, openLayerEventFile } from './control/layer-event-file.js';
export { type LayerFigure, type LayerReport, layerLogs } from './control/layer-report.js';
export { LayerTable, type LayerTableOptions, type TableStream } from './control/layer-table.js';
export { type AttachOptions, type ControlledOptimizer, LayerwiseController } from './control/layerwise-controller.js';
export type { Losses } from './control/losses.js';
export type { Dataset, SplitName } from './datasets/dataset.js';
export type { DownloadProgress } from './datasets/download/download.js';
export type { DatasetName } from './datasets/download/sources.js';
export { type LoadDatasetOptions, loadDataset } from './datasets/load.js';
export { type SyntheticOptions, syntheticDataset } from './datasets/synthetic.js';
export type { DatasetView, LabelNoise } from './datasets/view.js';
export { type DeviceInfo, devices } from './device-list.js';
export type { ActionMode, Actions } from './environment/actions/actions.js';
export type { SecondControl } from './environment/actions/joint-action.js';
export type { ScalingActionMode } from './environment/actions/scaling-action.js';
export type { AgentSpaceOptions, ControllerKind, ObservationVersion } from './environment/agent-spaces.js';
export type { ControlledTraining, Controller, Decision, DecisionContext } from './environment/controller.js';
export { type EpisodeOptions, type EpisodeOutcome, runEpisode } from './environment/episode.js';
export { OBSERVATIONS } from './environment/observations/layer-observation.js';
export { NETWORK_OBSERVATIONS } from './environment/observations/network-observation.js';
export type { Granularity, ObservationDescription } from './environment/observations/observer.js';
export type {
	Population,
	PopulationFactory,
	PopulationOutput,
} from './environment/populations/population-interface.js';
export type { RewardName } from './environment/rewards/reward.js';
export type { EnvironmentInfos, ResetResult, StepResult } from './environment/step-result.js';
export { TrainingEnvironment, type TrainingEnvironmentOptions } from './environment/training-environment.js';
export { type ErrorCode, GannoError } from './errors.js';
export { type EvaluateOptions, evaluatePolicy } from './evaluation/evaluate-policy.js';
export type { NamedControllers } from './evaluation/evaluation-contenders.js';
export type {
	EvaluationKind,
	EvaluationKinds,
	EvaluationRow,
	EvaluationTable,
} from './evaluation/evaluation-result.js';
export { formatEvaluation } from './evaluation/evaluation-table.js';
export { evaluateOnHeldOutTasks, type HeldOutOptions, type HeldOutOutcomes } from './evaluation/held-out-outcomes.js';
export { createLearner, type Learner, type LearnerOptions, type LearnerState } from './learner/learner.js';
export type { LearningAlgorithm, PpoSettings } from './learner/ppo-settings.js';
export type { Trajectory } from './learner/trajectory.js';
export type { UpdateMetrics } from './learner/update-metrics.js';
export type { IterationMetrics } from './meta-training/iteration-metrics.js';
export { type LearningCheck, type LearningCheckOptions, learningCheck } from './meta-training/learning-check.js';
export { type MetaTrainOptions, type MetaTrainResult, metaTrain } from './meta-training/meta-train.js';
export {
	type BaselineTrial,
	type TuneBaselineOptions,
	tuneBaseline,
	withoutBaseline,
} from './meta-training/tune-baseline.js';
export { type CnnOptions, cnn, type MlpOptions, mlp, type ResidualOptions, residual } from './networks/builders.js';
export { type LayersModelArtifacts, layersModelArtifacts } from './networks/layers-model.js';
export { NetworkPopulation } from './networks/population.js';
export type { PopulationControls, TrainOptions } from './networks/population-arguments.js';
export type { NetworkPopulationOptions } from './networks/population-options.js';
export type { PopulationDevice, Precision } from './networks/population-resources.js';
export { type AddOperation, inferShapes, type NetworkShapes, type Operation, type Shape } from './networks/shapes.js';
export type {
	Activation,
	BatchNormLayerSpec,
	ConvLayerSpec,
	DenseLayerSpec,
	DropoutLayerSpec,
	GlobalAveragePoolLayerSpec,
	Initializer,
	LayerSpec,
	NetworkSpec,
	Padding,
	PlainLayerSpec,
	PoolLayerSpec,
	ResidualBodySpec,
	ResidualLayerSpec,
	TrainableLayer,
} from './networks/spec.js';
export type { Algorithm, Hyperparameters, LayerwiseAlgorithm, OptimizerSpec } from './optimizer/algorithms.js';
export type { StepControls, StepOptions } from './optimizer/controls.js';
export { type LayerStatisticsOptions, layerStatistics } from './optimizer/layer-statistics.js';
export type { OptimizerLayer } from './optimizer/layers.js';
export { LayerwiseOptimizer, type RegisteredLayer } from './optimizer/layerwise-optimizer.js';
export type {
	ClipOptions,
	DenormalPolicy,
	LayerwiseHyperparameters,
	LayerwiseOptimizerOptions,
	NonFinitePolicy,
} from './optimizer/optimizer-options.js';
export type { LayerState, OptimizerState } from './optimizer/optimizer-state.js';
export { POPULATION_STATISTICS, STATISTIC_INDEX, STATISTICS, type StatisticName } from './optimizer/statistics.js';
export type { ConfidenceInterval } from './paired-difference.js';
export { sampleContinuousActions } from './policy/gaussian.js';
export { createPolicyInference } from './policy/inference.js';
export type { ModelCard } from './policy/model-card.js';
export type {
	NamedTensor,
	Policy,
	PolicyInference,
	PolicySnapshot,
	PolicySpec,
	TrainingRecord,
} from './policy/policy.js';
export { PolicyController } from './policy/policy-controller.js';
export { describePolicy, loadPolicy, savePolicy } from './policy/policy-file.js';
export { type SamplingOptions, sampleActions } from './policy/sampling.js';
export type { ControllerSpec } from './rollouts/controller-spec.js';
export type { EnvironmentSettings } from './rollouts/environment-settings.js';
export type {
	Episode,
	EpisodeResult,
	EpisodeSession,
	RolloutExecutor,
	RunOptions,
} from './rollouts/executor.js';
export { openDataset } from './runs/open-dataset.js';
export { openExecutor } from './runs/open-executor.js';
export { RunDirectory } from './runs/run-directory.js';
export type { DecisionFunction } from './schedules/function-controller.js';
export { type ScheduleName, type ScheduleOptions, scheduleByName } from './schedules/registry.js';
export { type ScheduleFactor, scheduleController } from './schedules/schedule-controller.js';
export { type TuneOptions, type TuneResult, tuneSchedule } from './schedules/tune.js';
export { type Architecture, parseArchitecture } from './search/architecture.js';
export { type ArchitectureNetworkOptions, architectureNetwork } from './search/architecture-network.js';
export { type ModelTraining, ReplayLog, type SearchEntry } from './search/replay-log.js';
export {
	type ModelOutcome,
	type ModelRequest,
	type RunSearchOptions,
	runSearch,
	type SearchSettings,
} from './search/run-search.js';
export type { Dropout, Fit, SpaceLimits } from './search/search-sections.js';
export type { SearchLayer, SearchSpace } from './search/space.js';
export type { FineTuning, FineTuningChange } from './tasks/fine-tuning.js';
export type { DatasetShape, NetworkFamily } from './tasks/network-family.js';
export type { Pretraining } from './tasks/pretraining.js';
export type { TaskNetwork, TrainingTask } from './tasks/task.js';
export { sampleTasks, type TaskDistribution } from './tasks/task-distribution.js';
export type { LearnerBackend } from './tensorflow/learner-backend.js';
