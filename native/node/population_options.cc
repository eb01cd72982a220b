#include "node/population_options.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "cpu/network/population.h"
#include "cuda/open_population.h"

namespace ganno::node {

namespace {

constexpr std::size_t kLayerFields = 11;

[[noreturn]] void refuse(const char* message) {
  throw std::invalid_argument(message);
}

/// Refuses a typed array whose memory could be detached or shrink. The array's own `buffer` is not asked: a subclass
/// may say what it likes there.
void check_shared(Napi::Value value, const char* message) {
  napi_value buffer = nullptr;
  bool detachable = true;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, nullptr, nullptr, nullptr, &buffer, nullptr) != napi_ok ||
      napi_is_arraybuffer(value.Env(), buffer, &detachable) != napi_ok || detachable) {
    refuse(message);
  }
}

std::vector<LayerSpec> read_layers(Napi::Value value) {
  const std::span<const double> fields = elements<double>(value, "layers");
  if (fields.empty() || fields.size() % kLayerFields != 0 || fields.size() > 200 * kLayerFields) {
    refuse("bad length of layers");
  }
  std::vector<LayerSpec> layers(fields.size() / kLayerFields);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto field = [&](std::size_t at, double low, double high) {
      const double found = fields[i * kLayerFields + at];
      if (!(found >= low && found <= high)) refuse("a field of layers is out of its range");
      return found;
    };
    LayerSpec& layer = layers[i];
    layer.kind = static_cast<LayerKind>(field(0, 0, 7));
    layer.units = static_cast<std::int64_t>(field(1, 0, 1 << 24));
    layer.size = static_cast<std::int64_t>(field(2, 0, 5));
    layer.stride = static_cast<std::int64_t>(field(3, 1, 3));
    layer.same_padding = field(4, 0, 1) != 0;
    layer.activation = static_cast<Activation>(field(5, 0, 2));
    layer.initializer = static_cast<Initializer>(field(6, 0, 3));
    layer.rate = field(7, 0, 1);
    layer.epsilon = field(8, 0, 1);
    layer.input = static_cast<std::int64_t>(field(9, -1, 200));
    layer.addend = static_cast<std::int64_t>(field(10, -1, 200));
    const bool has_units = layer.kind == LayerKind::kDense || layer.kind == LayerKind::kConvolution;
    const bool has_window = layer.kind == LayerKind::kConvolution || layer.kind == LayerKind::kMaxPool ||
                            layer.kind == LayerKind::kAveragePool;
    if ((has_units && layer.units < 1) || (has_window && layer.size < 1)) refuse("a layer is empty");
  }
  return layers;
}

std::vector<double> read_doubles(Napi::Value value, const char* name, std::size_t length) {
  const std::span<const double> from = elements<double>(value, name, length);
  return {from.begin(), from.end()};
}

}  // namespace

std::vector<std::uint32_t> read_indices(Napi::Value value, const char* name, std::size_t images) {
  const std::span<const std::uint32_t> from = elements<std::uint32_t>(value, name);
  std::vector<std::uint32_t> indices(from.begin(), from.end());
  // The copy is checked: a shared original may change at any time.
  for (const std::uint32_t index : indices) {
    if (index >= images) refuse("an index is beyond the images");
  }
  return indices;
}

std::vector<std::uint32_t> read_seeds(Napi::Value value, std::size_t networks) {
  const std::span<const std::uint32_t> seeds = elements<std::uint32_t>(value, "seeds", networks);
  return {seeds.begin(), seeds.end()};
}

namespace {

PopulationOptions read_population_options(const Napi::Object& from, Napi::Object views) {
  PopulationOptions options;
  const std::vector<double> shape = read_doubles(from.Get("input"), "input", 3);
  for (const double edge : shape) {
    if (!(edge >= 1 && edge <= 1 << 16)) refuse("bad input shape");
  }
  options.input = {static_cast<std::int64_t>(shape[0]), static_cast<std::int64_t>(shape[1]),
                   static_cast<std::int64_t>(shape[2])};
  options.layers = read_layers(from.Get("layers"));
  options.networks = read_uint32(from.Get("networks"), "networks", 1, 1 << 20);
  options.batch_size = read_uint32(from.Get("batchSize"), "batchSize", 1, 1 << 16);
  options.algorithm =
      static_cast<Algorithm>(read_uint32(from.Get("algorithm"), "algorithm", 0, kPopulationAlgorithmCount - 1));
  const Napi::Object hyperparameters = object(from.Get("hyperparameters"), "hyperparameters");
  const auto hyperparameter = [&](const char* name) { return number(hyperparameters.Get(name), name); };
  options.hyperparameters = {hyperparameter("beta1"),    hyperparameter("beta2"), hyperparameter("epsilon"),
                             hyperparameter("momentum"), hyperparameter("rho"),   hyperparameter("weightDecay")};

  const Napi::Value images = from.Get("images");
  const Napi::Value labels = from.Get("labels");
  for (const Napi::Value& view : {images, labels}) check_shared(view, "images and labels must lie in shared memory");
  views["images"] = images;
  views["labels"] = labels;
  const auto image_bytes =
      static_cast<std::size_t>(options.input.height * options.input.width * options.input.channels);
  const std::span<const std::uint8_t> label_bytes = elements<std::uint8_t>(labels, "labels");
  const std::size_t count = label_bytes.size();
  options.images = count;
  options.source.labels = label_bytes.data();
  options.source.images = elements<std::uint8_t>(images, "images", count * image_bytes).data();
  options.train = read_indices(from.Get("train"), "train", count);
  options.validation = read_indices(from.Get("validation"), "validation", count);
  options.test = read_indices(from.Get("test"), "test", count);
  if (options.train.empty() || options.validation.empty()) refuse("a split is empty");
  options.slice_size = read_uint32(from.Get("sliceSize"), "sliceSize", options.batch_size,
                                   static_cast<std::int64_t>(options.train.size()));
  options.validation_size = read_uint32(from.Get("validationSize"), "validationSize", 1,
                                        static_cast<std::int64_t>(options.validation.size()));
  const auto channels = static_cast<std::size_t>(options.input.channels);
  options.mean = read_doubles(from.Get("mean"), "mean", channels);
  options.standard_deviation = read_doubles(from.Get("standardDeviation"), "standardDeviation", channels);
  if (const Napi::Value precision = from.Get("precision"); !absent(precision)) {
    options.precision = static_cast<Precision>(read_uint32(precision, "precision", 0, 1));
  }
  options.memory_limit = number(from.Get("memoryLimit"), "memoryLimit");
  const Napi::Value cancellation = from.Get("cancellation");
  if (!absent(cancellation)) {
    const std::span<const std::int32_t> flag = elements<std::int32_t>(cancellation, "cancellation");
    if (flag.empty()) refuse("cancellation is empty");
    check_shared(cancellation, "cancellation must lie in shared memory");
    views["cancellation"] = cancellation;
    options.cancellation = flag.data();
  }
  return options;
}

}  // namespace

std::unique_ptr<PopulationEngine> open_population(const Napi::Object& from, Napi::Object views) {
  PopulationOptions options = read_population_options(from, views);
  const std::vector<std::uint32_t> seeds = read_seeds(from.Get("seeds"), options.networks);
  const Napi::Value device = from.Get("device");
  if (!absent(device)) {
    return cuda::open_population(std::move(options), seeds, static_cast<int>(read_uint32(device, "device", 0, 1023)));
  }
  if (options.precision != Precision::kFloat32) refuse("the CPU computes in float32 only");
  const Napi::Value tier = from.Get("tier");
  const int threads = static_cast<int>(read_uint32(from.Get("threads"), "threads", 1, 1024));
  return std::make_unique<Population>(
      std::move(options), seeds, absent(tier) ? selected_tier() : tier_from_name(tier.ToString().Utf8Value()), threads);
}

}  // namespace ganno::node
