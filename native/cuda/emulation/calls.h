#pragma once
// Which functions of the emulated runtime were called, so that tests can see what an interval costs the host.
#include <string>
#include <vector>

namespace ganno::cuda::emulation {

/// Names in order since configure(), the first 65,536: cudaMemcpyAsync, cudaGraphLaunch, ...; a kernel is "launch".
/// What a graph does is not called again. A copy to the device from pageable memory is a "pageable-copy" besides.
std::vector<std::string> recorded_calls();

}  // namespace ganno::cuda::emulation
