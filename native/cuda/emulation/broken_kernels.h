#pragma once
// Kernels with one mistake each, of the kinds the emulation must notice. Tests run them and read the report.
#include <span>
#include <string>
#include <string_view>

namespace ganno::cuda::emulation {

std::span<const std::string_view> broken_kernel_names();

/// Runs one with its mistake, or a sound twin of it without. @returns the report, empty when nothing was noticed
std::string run_kernel(std::string_view name, bool broken);

}  // namespace ganno::cuda::emulation
