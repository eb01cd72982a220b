#pragma once

namespace ganno::cuda::emulation {

/// So many kernels from now on one fails as by an illegal address, and takes the device with it until configure().
void break_kernel(int after);

}  // namespace ganno::cuda::emulation
