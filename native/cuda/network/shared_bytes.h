#pragma once
// Bytes of the host on a device, one copy for all who want the same: the images of a data set that the populations of
// several workers train on.
#include <cstdint>
#include <memory>
#include <span>

#include "cuda/device.h"

namespace ganno::cuda {

using SharedBytes = std::shared_ptr<const DeviceBuffer<std::uint8_t>>;

/// The copy of `bytes` on the current device: an earlier one of the same memory (address and length) while anybody
/// holds it, else a new one, complete when this returns. Whoever holds it keeps the host's memory too, so that no other
/// data can come to its address meanwhile; what is written there later is not seen. Any thread.
/// @param device the current device
SharedBytes shared_bytes(int device, std::span<const std::uint8_t> bytes, const Stream& stream);

}  // namespace ganno::cuda
