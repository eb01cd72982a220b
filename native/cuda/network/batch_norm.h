#pragma once
// Batch norm and the sums of residual blocks, of all networks in one launch. Orders of addition are the CPU's
// (cpu/kernels/batch_norm.cc, core/batch_norm.h), so the bits are too.
#include <cstdint>

#include "core/batch_norm.h"
#include "core/network_spec.h"
#include "cuda/device.h"
#include "cuda/network/geometry.h"
#include "cuda/network/state.h"

namespace ganno::cuda {

/// Kernels take what they need of it.
struct BatchNorm {
  const std::uint32_t* active = nullptr;
  std::uint32_t samples = 0, rows = 0, pixels = 0, channels = 0;  // pixels of a row
  double epsilon = 0, momentum = 0;
  Activation activation = Activation::kLinear;
  PerNetwork<const float> input;         // [samples][rows][pixels][channels], as all images
  PerNetwork<const float> addend;        // or null
  PerNetwork<float> output;              // gradients: read
  PerNetwork<const float> scale, shift;  // [channels] each, as what follows
  PerNetwork<float> mean, factor, inverse, variance;
  PerNetwork<float> running_mean, running_variance;
  PerNetwork<float> sums;            // [samples][2][channels]
  PerNetwork<float> gradient;        // of the output; the activation's part is taken in place
  PerNetwork<float> input_gradient;  // of the input
  PerNetwork<float> scale_gradient, shift_gradient, mean_gradient, slope;
  // Set by the launch.
  BatchExtent extent;
  Divider by_tiles, by_channels;  // tiles of a sample's channels
};
/// Mean and variance of the batch.
void launch_batch_moments(const Stream& stream, std::uint32_t networks, const BatchNorm& norm);
/// The running ones in their place.
void launch_running_moments(const Stream& stream, std::uint32_t networks, const BatchNorm& norm);
void launch_normalize(const Stream& stream, std::uint32_t networks, const BatchNorm& norm);
/// Gradients of scale, shift and input.
void launch_normalize_gradient(const Stream& stream, std::uint32_t networks, const BatchNorm& norm);
/// Takes the batch's statistics up into the running ones, of networks that take part in the step; one whose running
/// statistics stop being finite has diverged.
void launch_update_running(const Stream& stream, std::uint32_t networks, const BatchNorm& norm,
                           const Progress& progress);

/// output = activation(a + b)
struct AddImages {
  const std::uint32_t* active = nullptr;
  PerNetwork<const float> a, b;
  PerNetwork<float> output;
  Activation activation = Activation::kLinear;
  std::uint64_t values = 0;  // of all samples
};
void launch_add_images(const Stream& stream, std::uint32_t networks, const AddImages& add);

/// Takes an activation's part of a gradient in place, and copies it through the activation of the layer below.
struct ThroughActivation {
  const std::uint32_t* active = nullptr;
  Activation activation = Activation::kLinear;
  PerNetwork<const float> output;  // the activation's
  PerNetwork<float> gradient;
  PerNetwork<float> copy;  // or null
  Activation below = Activation::kLinear;
  PerNetwork<const float> below_output;
  std::uint64_t values = 0;
};
void launch_through_activation(const Stream& stream, std::uint32_t networks, const ThroughActivation& through);

/// values[0 .. size) = value of every network.
void launch_fill(const Stream& stream, std::uint32_t networks, PerNetwork<float> values, std::uint32_t size,
                 float value);

}  // namespace ganno::cuda
