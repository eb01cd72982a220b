#include "bench/cuda/ceilings.h"

#include <numeric>
#include <vector>

#include "bench/cuda/ceiling_kernels.h"
#include "cuda/device.h"
#include "cuda/devices.h"
#include "cuda/event_timer.h"

namespace ganno::cuda {

double measure_device_copy(int device, std::uint64_t bytes, std::uint32_t copies) {
  require_device(device);
  const DeviceScope scope(device);
  const Stream stream;
  const DeviceBuffer<std::uint8_t> from(bytes), to(bytes);
  from.clear(stream);
  EventTimer timer;
  copy(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, stream);
  timer.start(stream);
  for (std::uint32_t i = 0; i < copies; ++i) {
    // There and back, so that no copy finds its target as it would leave it.
    const bool back = i % 2 == 0;
    copy(back ? from.data() : to.data(), back ? to.data() : from.data(), bytes, cudaMemcpyDeviceToDevice, stream);
  }
  timer.stop(stream);
  return timer.seconds() / copies;
}

DeviceFmaRun measure_device_fma(int device, std::uint32_t iterations) {
  require_device(device);
  const DeviceScope scope(device);
  const Stream stream;
  const unsigned blocks = static_cast<unsigned>(multiprocessor_count(device)) * kFmaBlocksPerMultiprocessor;
  const std::size_t threads = std::size_t{blocks} * kFmaThreads;
  const DeviceBuffer<float> results(threads);
  EventTimer timer;
  check(launch_fma(blocks, 1, results.data(), stream.get()), "Launching a kernel");  // loads it
  timer.start(stream);
  check(launch_fma(blocks, iterations, results.data(), stream.get()), "Launching a kernel");
  timer.stop(stream);
  const double seconds = timer.seconds();
  std::vector<float> found(threads);
  results.download(found, stream);
  stream.synchronize();
  return {2.0 * kFmaChains * iterations * static_cast<double>(threads), seconds,
          std::accumulate(found.begin(), found.end(), 0.0)};
}

}  // namespace ganno::cuda
