// A layer of more than 2^31 elements. Memory for it need not exist: one small region is mapped over and over into 8 GiB
// of addresses, and only the elements beyond 2^31 have memory of their own.
//
//   | tile | tile | ... 8,192 times the same 1 MiB ... | tile || tail: its own memory |
//   0                                                  2^31 floats
//
// sgd with learning rate 1 and gradients of 1 over the tiles takes the tile's elements down by 1 once for every time
// they are mapped, which float32 does exactly; the tail's elements go down once, by gradients of their own.
#if defined(__linux__)  // memfd_create
#include <doctest/doctest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <stdexcept>

#include "cpu/layerwise_step.h"
#include "cpu/tier.h"

namespace ganno::test {

namespace {

constexpr std::uint64_t kBeyond = std::uint64_t{1} << 31;
constexpr std::uint64_t kTile = std::uint64_t{1} << 18;  // floats: 1 MiB
constexpr std::uint64_t kTail = 3 * kPieceSize + 1234;
constexpr std::uint64_t kRepeats = kBeyond / kTile;

/// kBeyond floats of repeated tile, then kTail floats; all of it zero.
class RepeatedMemory {
 public:
  RepeatedMemory() : file_(memfd_create("tile", MFD_CLOEXEC)) {
    const int protection = PROT_READ | PROT_WRITE;
    if (file_ < 0 || ftruncate(file_, kTile * sizeof(float)) != 0) throw std::runtime_error("memfd_create");
    void* memory = mmap(nullptr, bytes(), protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("mmap");
    data_ = static_cast<float*>(memory);
    for (std::uint64_t i = 0; i < kRepeats; ++i) {
      void* tile = mmap(data_ + i * kTile, kTile * sizeof(float), protection, MAP_SHARED | MAP_FIXED, file_, 0);
      if (tile == MAP_FAILED) throw std::runtime_error("mmap of a tile");
    }
  }
  ~RepeatedMemory() {
    munmap(data_, bytes());
    close(file_);
  }
  RepeatedMemory(const RepeatedMemory&) = delete;
  RepeatedMemory& operator=(const RepeatedMemory&) = delete;

  float* data() { return data_; }
  float* tail() { return data_ + kBeyond; }
  static std::uint64_t size() { return kBeyond + kTail; }

 private:
  static std::size_t bytes() { return size() * sizeof(float); }
  int file_;
  float* data_ = nullptr;
};

bool is_near(double value, double expected) {
  return std::abs(value - expected) <= 4e-6 * std::abs(expected);
}

TEST_CASE("a layer of more than 2^31 elements is stepped and described to its last one") {
  RepeatedMemory parameters, gradients;
  for (std::uint64_t i = 0; i < kTile; ++i) gradients.data()[i] = 1;
  for (std::uint64_t i = 0; i < kTail; ++i) {
    gradients.tail()[i] = 2;
    parameters.tail()[i] = 10;
  }
  gradients.tail()[kTail - 1] = 4096;
  gradients.tail()[kTail - 2] = NAN;

  const ArrayBinding arrays[] = {{parameters.data(), gradients.data(), RepeatedMemory::size()}};
  const std::uint32_t arrays_per_layer[] = {1};
  LayerwiseOptions options;
  options.algorithm = Algorithm::kSgd;
  options.tier = available_tiers().back();
  CpuStep step(options, arrays, arrays_per_layer);
  const double controls[kControlCount] = {1, 0, 0};
  float statistics[kStepStatisticCount];
  step.step(controls, 1, statistics, true);

  const auto repeats = static_cast<float>(kRepeats);
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < kTile; ++i) wrong += parameters.data()[i] != -repeats;
  for (std::uint64_t i = 0; i < kTail - 2; ++i) wrong += parameters.tail()[i] != 8;
  CHECK_MESSAGE(wrong == 0, wrong, " elements were not stepped as often as they should");
  CHECK_MESSAGE(parameters.tail()[kTail - 2] == 10, "the element with a NaN keeps its value");
  CHECK_MESSAGE(parameters.tail()[kTail - 1] == 10 - 4096, "the last element is stepped");

  const auto ones = static_cast<double>(kBeyond), twos = static_cast<double>(kTail - 2), last = 4096.0;
  const double count = ones + twos + 1;
  const double squares = ones + 4 * twos + last * last;
  const double mean = (ones + 2 * twos + last) / count;
  CHECK(statistics[kNonFiniteCount] == 1);
  CHECK(statistics[kGradientMaxAbs] == 4096);
  CHECK_MESSAGE(is_near(statistics[kGradientNorm], std::sqrt(squares)), "gradientNorm");
  CHECK_MESSAGE(is_near(statistics[kGradientMean], mean), "gradientMean");
  CHECK_MESSAGE(is_near(statistics[kGradientVariance], squares / count - mean * mean), "gradientVariance");
  CHECK_MESSAGE(is_near(statistics[kUpdateNorm], std::sqrt(squares)), "updateNorm");
  CHECK_MESSAGE(is_near(statistics[kGradientUpdateCosine], -1), "gradientUpdateCosine");
  // A tile's elements are 0, -1, ... when their turn comes; the tail's are 10.
  const double all = count + 1, tails = static_cast<double>(kTail);
  const double n = static_cast<double>(kRepeats), tile = static_cast<double>(kTile);
  CHECK_MESSAGE(is_near(statistics[kParameterMean], (-tile * n * (n - 1) / 2 + 10 * tails) / all), "parameterMean");
  CHECK_MESSAGE(is_near(statistics[kParameterNorm], std::sqrt(tile * (n - 1) * n * (2 * n - 1) / 6 + 100 * tails)),
                "parameterNorm");
  CHECK(step.steps()[0] == 1);

  // Threads cut the layer into pieces: a probe changes nothing, so that pages which are the same memory do no harm.
  float probed[2][kStepStatisticCount];
  step.step(controls, 1, probed[0], false);
  options.threads = 2;
  CpuStep threaded(options, arrays, arrays_per_layer);
  threaded.step(controls, 1, probed[1], false);
  for (std::size_t i = 0; i < kStepStatisticCount; ++i) CHECK(probed[0][i] == probed[1][i]);

  options.clip_global_norm = 1;
  CpuStep clipped(options, arrays, arrays_per_layer);
  clipped.step(controls, 1, probed[1], false);
  CHECK_MESSAGE(is_near(probed[1][kGradientNorm], std::sqrt(squares)), "gradientNorm before clipping");
}

}  // namespace

}  // namespace ganno::test
#endif
