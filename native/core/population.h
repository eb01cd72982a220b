#pragma once
// What every back end's population of child networks is made from, takes and gives. No Node here.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/layer_table.h"
#include "core/network_spec.h"
#include "core/optimizer_rule.h"
#include "core/statistics.h"

namespace ganno {

/// Images and labels of a data set, bytes in memory that somebody keeps alive.
struct ImageSource {
  const std::uint8_t* images = nullptr;
  const std::uint8_t* labels = nullptr;
};

struct PopulationOptions {
  ImageShape input;
  std::vector<LayerSpec> layers;
  std::uint32_t networks = 0;
  std::uint32_t batch_size = 0;
  Algorithm algorithm = Algorithm::kSgd;
  Hyperparameters hyperparameters;
  ImageSource source;                                  // kept alive by the caller
  std::size_t images = 0;                              // how many there are
  std::vector<std::uint32_t> train, validation, test;  // image numbers, checked by the caller
  std::uint32_t slice_size = 0;                        // at most train.size()
  std::uint32_t validation_size = 0;                   // at most validation.size()
  std::vector<double> mean, standard_deviation;        // [channels]
  Precision precision = Precision::kFloat32;           // the CPU has no other
  double memory_limit = 0;                             // bytes of the host all this may take; more is std::bad_alloc
  const std::int32_t* cancellation = nullptr;          // polled; non-zero stops
};

/// [networks x layers] each; null: the hyperparameters' own value.
struct Controls {
  const float* learning_rates = nullptr;
  const float* weight_decays = nullptr;
  const float* momenta = nullptr;
  const float* base_schedule = nullptr;  // [steps], multiplies the learning rates; null: 1
};

struct Outputs {
  float* statistics = nullptr;     // [networks x layers x 16]
  float* training_loss = nullptr;  // [networks x steps]
  float* validation = nullptr;     // [networks x 3] or null
};

/// Reported in place of a loss that is not a finite number.
inline constexpr float kDivergedLoss = 1e6f;
/// Samples of a batch when nothing but results is wanted: enough to fill the tiles, whatever the training batch.
inline constexpr std::int64_t kSmallestCapacity = 64;

enum class Split : std::uint32_t { kTrain, kValidation, kTest };

/// The part of the validation split that every population of a data set is judged on: the same pick for all.
std::vector<std::uint32_t> validation_subset(const PopulationOptions& options);

/// N child networks of one shape, trained side by side. Calls come from one thread at a time.
class PopulationEngine {
 public:
  virtual ~PopulationEngine() = default;

  /// @return false when cancelled: networks have then taken different numbers of steps.
  virtual bool train(std::uint32_t steps, const Controls& controls, const Outputs& outputs) = 0;
  /// As train, without changing anything but the logits that the next validation is compared with.
  virtual bool probe(std::uint32_t batches, const Controls& controls, const Outputs& outputs) = 0;
  /// @param out [networks x 2]: mean loss, accuracy. @return false when cancelled
  virtual bool evaluate(Split split, float* out) = 0;
  /// Mean loss of the images and its gradient; dropout off, batch norm with the images' own statistics. @param images
  /// up to maximum_batch()
  /// @param out [parameter_count]
  virtual double loss_and_gradient(std::uint32_t network, std::span<const std::uint32_t> images, float* out) = 0;

  virtual void reset(std::span<const std::uint32_t> seeds) = 0;
  virtual void save(std::uint32_t network) = 0;
  virtual bool restore(std::uint32_t network) = 0;  // false when nothing was saved
  virtual void fork(std::uint32_t from, std::uint32_t to) = 0;
  virtual void read_parameters(std::uint32_t network, float* out) const = 0;
  virtual void write_parameters(std::uint32_t network, const float* values) = 0;
  /// Batch norm's running statistics, layer by layer: means, then variances. @param out [running_values()]
  virtual void read_running(std::uint32_t network, float* out) const = 0;
  virtual void write_running(std::uint32_t network, const float* values) = 0;
  /// Of the validation subset when validation was last asked for; zeros where it was not, or the network had diverged.
  /// @param out [validation_size x classes]
  virtual void read_logits(std::uint32_t network, float* out) const = 0;
  /// @param flags [networks]
  virtual void diverged(std::uint8_t* flags) const = 0;

  virtual const PopulationOptions& options() const = 0;
  virtual const LayerTable& table() const = 0;
  virtual std::size_t running_values() const = 0;
  /// validation_size x classes
  virtual std::size_t logit_count() const = 0;
  /// Memory held, that of a device included.
  virtual std::size_t bytes() const = 0;

  std::uint32_t maximum_batch() const;
};

}  // namespace ganno
