// This tier's table of child-network kernels.
#include "cpu/kernels/batch_norm.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/layout.h"
#include "cpu/kernels/multiply.h"
#include "cpu/kernels/pooling.h"
#include "cpu/network/kernels.h"

namespace ganno::GANNO_TIER {

extern const NetworkKernels kNetworkKernels;

const NetworkKernels kNetworkKernels = {
    .multiply = multiply,
    .weight_gradient_one_channel = weight_gradient_one_channel,
    .pool_rows2x2 = pool_rows2x2,
    .unpool2x2 = unpool2x2,
    .max_pool = max_pool,
    .max_pool_gradient = max_pool_gradient,
    .average_pool = average_pool,
    .average_pool_gradient = average_pool_gradient,
    .channel_moments = channel_moments,
    .normalize = normalize,
    .normalize_sums = normalize_sums,
    .normalize_gradient = normalize_gradient,
    .add_images = add_images,
    .apply_tanh = apply_tanh,
    .activation_gradient = activation_gradient,
    .column_sums = column_sums,
    .pad_columns = pad_columns,
    .unpad_columns = unpad_columns,
    .transpose = transpose,
    .expand = expand,
    .dropout_factors = dropout_factors,
    .multiply_elements = multiply_elements,
    .softmax_cross_entropy = softmax_cross_entropy,
};

}  // namespace ganno::GANNO_TIER
