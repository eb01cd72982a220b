#pragma once
// Products that cuBLAS multiplies where there is one: large dense layers of precision TF32. The others, and all of them
// without it, are product.h's.
#include "cuda/cublas.h"
#include "cuda/network/product.h"

namespace ganno::cuda {

/// By the layer and the batch alone. From 256 inputs, 128 outputs and 32 samples on, which is not measured: what is
/// smaller leaves tiles of a library's kernels empty.
bool suits_cublas(const Product& product);

/// @param cublas null: none
void forward_product(const Cublas* cublas, const Stream& stream, std::uint32_t networks, const Product& product);
void weight_gradient_product(const Cublas* cublas, const Stream& stream, std::uint32_t networks,
                             const Product& product);
void input_gradient_product(const Cublas* cublas, const Stream& stream, std::uint32_t networks, const Product& product);

}  // namespace ganno::cuda
