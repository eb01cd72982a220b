// cuBLAS's matrices have their columns one after another, so a batch of ours, [samples][values], is the transpose of
// what it stands for: out' = weights' input', and the like.
#include "cuda/network/library_product.h"

#include "cuda/network/activation.cuh"
#include "cuda/network/grid.h"

namespace ganno::cuda {

namespace {

constexpr unsigned kThreads = 128;

/// out = activation(out + bias)
__global__ void __launch_bounds__(kThreads) add_bias_kernel(Product p) {
  const std::uint32_t network = blockIdx.y;
  if (p.active != nullptr && p.active[network] == 0) return;
  const std::uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= static_cast<std::uint32_t>(p.rows * p.columns)) return;
  std::uint32_t column = i;
  p.geometry.by_out.divide(column);
  float& out = p.out.of(network)[i];
  out = activate(p.activation, out + p.bias.of(network)[column]);
}

/// out = its gradient before the activation of the layer below
__global__ void __launch_bounds__(kThreads) through_activation_kernel(Product p) {
  const std::uint32_t network = blockIdx.y;
  if (p.active != nullptr && p.active[network] == 0) return;
  const std::uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= static_cast<std::uint32_t>(p.rows * p.columns)) return;
  float& out = p.out.of(network)[i];
  out = activation_gradient(p.activation, p.input.of(network)[i], out);
}

void launch_over_results(const Stream& stream, std::uint32_t networks, Product product, int columns,
                         void (*kernel)(Product)) {
  product.rows = product.geometry.samples;
  product.columns = columns;
  const auto results = static_cast<std::uint64_t>(product.rows) * static_cast<std::uint64_t>(columns);
  launch_checked(stream, {blocks_for(results, kThreads), networks}, kThreads, kernel, product);
}

CublasMatrix matrix(const PerNetwork<const float>& array, int leading, bool transposed = false) {
  return {array.data, leading, array.stride, transposed};
}

}  // namespace

bool suits_cublas(const Product& product) {
  const Geometry& g = product.geometry;
  const bool dense = g.in_pixels() == 1 && g.taps() == 1;
  return product.precision == Precision::kTf32 && dense && split_of(g).parts == 1 && g.in >= 256 && g.out >= 128 &&
         g.samples >= 32 && !product.accumulates;
}

void forward_product(const Cublas* cublas, const Stream& stream, std::uint32_t networks, const Product& p) {
  if (cublas == nullptr || !suits_cublas(p)) {
    launch_forward(stream, networks, p);
    return;
  }
  const Geometry& g = p.geometry;
  cublas->multiply(g.out, g.samples, g.in, matrix(p.weights, g.out), matrix(p.input, g.in),
                   {p.out.data, g.out, p.out.stride}, networks);
  // Without a bias a batch norm follows, and the layer is linear.
  if (p.bias.data != nullptr) launch_over_results(stream, networks, p, g.out, add_bias_kernel);
}

void weight_gradient_product(const Cublas* cublas, const Stream& stream, std::uint32_t networks, const Product& p) {
  if (cublas == nullptr || !suits_cublas(p)) {
    launch_weight_gradient(stream, networks, p);
    return;
  }
  const Geometry& g = p.geometry;
  cublas->multiply(g.out, g.in, g.samples, matrix(p.output_gradient, g.out), matrix(p.input, g.in, true),
                   {p.out.data, g.out, p.out.stride}, networks);
}

void input_gradient_product(const Cublas* cublas, const Stream& stream, std::uint32_t networks, const Product& p) {
  if (cublas == nullptr || !suits_cublas(p)) {
    launch_input_gradient(stream, networks, p);
    return;
  }
  const Geometry& g = p.geometry;
  cublas->multiply(g.in, g.samples, g.out, matrix(p.weights, g.out, true), matrix(p.output_gradient, g.out),
                   {p.out.data, g.in, p.out.stride}, networks);
  if (p.activation != Activation::kLinear) launch_over_results(stream, networks, p, g.in, through_activation_kernel);
}

}  // namespace ganno::cuda
