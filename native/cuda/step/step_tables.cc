#include "cuda/step/step_tables.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>

#include "core/layer_table.h"
#include "core/step_scalars.h"
#include "cuda/step/step_kernels.h"

namespace ganno::cuda {

namespace {

// A warp's blocks follow one another, which saves it reading its tables again; but first every multiprocessor must have
// several times the warps it can hold, or the last ones run alone.
constexpr std::uint64_t kWarpsPerMultiprocessor = 32;
constexpr std::uint64_t kRounds = 4;
constexpr std::uint64_t kMostBlocksPerItem = 16;

std::uint64_t blocks_of(std::uint64_t size) {
  return (size + kBlockSize - 1) / kBlockSize;
}

template <class Element>
DeviceBuffer<Element> uploaded(const std::vector<Element>& values, const Stream& stream) {
  DeviceBuffer<Element> buffer(values.size());
  buffer.upload(values, stream);
  return buffer;
}

/// Tells pieces and layers which cohorts are theirs; as they are made, every layer is one.
void assign_cohorts(HostTables& tables, const StepCohorts& cohorts) {
  for (std::size_t layer = 0; layer < tables.layers.size(); ++layer) {
    const CohortRange own = cohorts.of_layer(layer);
    tables.layers[layer].first_cohort = own.first;
    tables.layers[layer].cohort_count = own.count;
    tables.layers[layer].one_age = own.one_age;
  }
  for (const Item& item : tables.items) {
    PieceEntry& piece = tables.pieces[item.piece];
    piece.cohort = item.block_count > 0 ? cohorts.of_array(item.array) : cohorts.of_layer(piece.layer).first;
  }
}

}  // namespace

HostTables make_tables(std::span<const std::uint64_t> sizes, std::span<const std::uint32_t> arrays_per_layer,
                       int multiprocessors) {
  HostTables tables;
  std::uint64_t blocks = 0;
  for (const std::uint64_t size : sizes) {
    tables.arrays.push_back({tables.arena_size, size});
    tables.arena_size += (size + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    blocks += blocks_of(size);
  }
  if (blocks >= std::numeric_limits<std::uint32_t>::max() / kBlocksPerPiece) {
    throw std::invalid_argument("more elements than a step can count");
  }
  const std::uint64_t warps = static_cast<std::uint64_t>(multiprocessors) * kWarpsPerMultiprocessor * kRounds;
  const auto blocks_per_item = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(std::bit_floor(std::max<std::uint64_t>(blocks / warps, 1)), 1, kMostBlocksPerItem));

  std::uint32_t array = 0;
  for (std::uint32_t layer = 0; layer < arrays_per_layer.size(); ++layer) {
    const auto first_piece = static_cast<std::uint32_t>(tables.pieces.size());
    for (const std::uint32_t end = array + arrays_per_layer[layer]; array < end; ++array) {
      if (array >= sizes.size()) throw std::invalid_argument("the layers do not own every array exactly once");
      const auto array_blocks = static_cast<std::uint32_t>(blocks_of(sizes[array]));
      for (std::uint32_t first = 0; first < array_blocks; first += kBlocksPerPiece) {
        const std::uint32_t count = std::min(kBlocksPerPiece, array_blocks - first);
        const auto piece = static_cast<std::uint32_t>(tables.pieces.size());
        tables.pieces.push_back({layer, first, tables.record_count, count, layer});
        tables.record_count += count;
        tables.piece_items.push_back((count + blocks_per_item - 1) / blocks_per_item);
        for (std::uint32_t begin = 0; begin < count; begin += blocks_per_item) {
          tables.items.push_back({array, piece, first + begin, std::min(blocks_per_item, count - begin)});
        }
      }
    }
    if (tables.pieces.size() == first_piece) {  // somebody must finish it all the same
      tables.items.push_back({0, first_piece, 0, 0});
      tables.pieces.push_back({layer, 0, tables.record_count, 0, layer});
      tables.piece_items.push_back(1);
    }
    tables.layers.push_back({first_piece, static_cast<std::uint32_t>(tables.pieces.size()) - first_piece, layer, 1, 1});
    tables.most_cohorts += std::max(arrays_per_layer[layer], 1u);
  }
  if (array != sizes.size()) throw std::invalid_argument("the layers do not own every array exactly once");
  if (tables.arrays.empty()) tables.arrays.push_back({0, 0});
  return tables;
}

StepTables::StepTables(const HostTables& host, std::span<const std::uint8_t> adapt, bool measures, const Stream& stream)
    : controls(host.layers.size() * kControlCount + 1),
      state(host.most_cohorts),
      statistics(host.layers.size() * kStepStatisticCount),
      item_count_(static_cast<std::uint32_t>(host.items.size())),
      layer_count_(static_cast<std::uint32_t>(host.layers.size())),
      cohort_count_(layer_count_),
      items_(uploaded(host.items, stream)),
      arrays_(uploaded(host.arrays, stream)),
      pieces_(uploaded(host.pieces, stream)),
      layers_(uploaded(host.layers, stream)),
      piece_items_(uploaded(host.piece_items, stream)),
      adapt_(host.layers.size()),
      tickets_(host.pieces.size() + host.layers.size()),
      sums_(host.record_count + host.pieces.size() + host.layers.size()),
      record_count_(host.record_count),
      piece_count_(host.pieces.size()) {
  const std::vector<std::uint8_t> all(host.layers.size(), 1);
  adapt_.upload(adapt.empty() ? std::span<const std::uint8_t>(all) : adapt, stream);
  tickets_.clear(stream);
  state.upload(std::vector<CohortState>(host.most_cohorts), stream);
  if (!measures) return;
  prepared_ = DeviceBuffer<PreparedCohort>(host.most_cohorts);
  norms_ = DeviceBuffer<Norms>(sums_.size());
  non_finite_ = DeviceBuffer<std::uint32_t>(host.layers.size() + 1);
  non_finite_.clear(stream);
  norms_.clear(stream);
}

void StepTables::upload_cohorts(HostTables& host, const StepCohorts& cohorts, const Hyperparameters& hyperparameters,
                                const Stream& stream) {
  assign_cohorts(host, cohorts);
  std::vector<CohortState> states;
  for (const Cohort& cohort : cohorts.all()) {
    states.push_back(
        {cohort.steps, rules::bias_corrections(hyperparameters, cohort.steps + 1), cohort.layer, cohort.decays});
  }
  cohort_count_ = static_cast<std::uint32_t>(states.size());
  state.upload(states, stream);
  pieces_.upload(host.pieces, stream);
  layers_.upload(host.layers, stream);
  stream.synchronize();
}

StepArguments StepTables::arguments() const {
  StepArguments arguments{};
  arguments.items = items_.data();
  arguments.arrays = arrays_.data();
  arguments.pieces = pieces_.data();
  arguments.layers = layers_.data();
  arguments.piece_items = piece_items_.data();
  arguments.item_count = item_count_;
  arguments.layer_count = layer_count_;
  arguments.cohort_count = cohort_count_;
  arguments.controls = controls.data();
  arguments.state = state.data();
  arguments.prepared = prepared_.data();
  arguments.adapt = adapt_.data();
  arguments.piece_tickets = tickets_.data();
  arguments.layer_tickets = tickets_.data() + piece_count_;
  arguments.block_sums = sums_.data();
  arguments.piece_sums = sums_.data() + record_count_;
  arguments.layer_sums = arguments.piece_sums + piece_count_;
  if (norms_.data() != nullptr) {
    arguments.block_norms = norms_.data();
    arguments.piece_norms = norms_.data() + record_count_;
    arguments.layer_norms = arguments.piece_norms + piece_count_;
  }
  arguments.non_finite = non_finite_.data();
  arguments.statistics = statistics.data();
  return arguments;
}

bool has_passes_before(Algorithm algorithm, NonFinitePolicy policy, const ClipNorms& clip) {
  return rule_traits(algorithm).trust_ratio || clip.layer > 0 || clip.global > 0 ||
         policy == NonFinitePolicy::kSkipLayer || policy == NonFinitePolicy::kSkipNetwork;
}

void queue_step(const StepArguments& arguments, bool statistics, const Stream& stream) {
  const StepLaunches& launches = step_launches(arguments);
  const auto queue = [&](auto&& launch, auto... more) {
    check(launch(arguments, more..., stream.get()), "Launching an optimiser step");
  };
  if (arguments.policy == NonFinitePolicy::kSkipLayer || arguments.policy == NonFinitePolicy::kSkipNetwork) {
    queue(launches.count_non_finite);
  }
  if (arguments.prepared != nullptr) queue(launches.prepare);
  if (arguments.clip.layer > 0 || arguments.clip.global > 0) queue(launches.measure_gradients);
  if (arguments.clip.global > 0) queue(launches.clip_globally);
  if (rule_traits(arguments.algorithm).trust_ratio) queue(launches.measure_trust);
  if (statistics || arguments.store) queue(launches.step, statistics);
}

}  // namespace ganno::cuda
