// Pooling, NHWC, vectors of channels. Padding never counts (TensorFlow's semantics): a window is cut to the image, and
// an average divides by what is left of it. Ties go to the first position of the window.
#include "cpu/kernels/pooling.h"

#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

namespace {

struct Window {
  std::int64_t top, bottom, left, right;  // input rows [top, bottom), columns [left, right)
};

GANNO_INLINE std::int64_t clamp_low(std::int64_t value) {
  return value < 0 ? 0 : value;
}
GANNO_INLINE std::int64_t clamp_high(std::int64_t value, std::int64_t limit) {
  return value > limit ? limit : value;
}
GANNO_INLINE Window window(const Pool& pool, std::int64_t y, std::int64_t x) {
  const std::int64_t top = y * pool.stride - pool.pad_top, left = x * pool.stride - pool.pad_left;
  return {clamp_low(top), clamp_high(top + pool.size, pool.input_height), clamp_low(left),
          clamp_high(left + pool.size, pool.input_width)};
}

/// Calls body(output pixel number, y, x, window) for each output pixel, row by row.
template <typename Body>
GANNO_INLINE void each_window(const Pool& pool, Body body) {
  for (std::int64_t y = 0; y < pool.output_height; ++y) {
    for (std::int64_t x = 0; x < pool.output_width; ++x) body(y, x, window(pool, y, x));
  }
}

}  // namespace

void pool_rows2x2(const float* upper, const float* lower, std::int64_t pixels, std::int64_t channels, bool relu,
                  float* output, std::uint8_t* argmax) {
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const float* top = upper + 2 * pixel * channels;
    const float* bottom = lower + 2 * pixel * channels;
    for (std::int64_t c = 0; c < channels; c += kVectorWidth) {
      Vector best = load(top + c);
      Vector index = zero();
      const auto offer = [&](Vector value, float position) {
        const Mask better = greater(value, best);
        best = select(better, value, best);
        index = select(better, set1(position), index);
      };
      offer(load(top + channels + c), 1.0f);
      offer(load(bottom + c), 2.0f);
      offer(load(bottom + channels + c), 3.0f);
      if (relu) {
        const Mask alive = greater(best, zero());
        index = select(alive, index, set1(4.0f));
        best = max(zero(), best);  // keeps NaN
      }
      store(output + pixel * channels + c, best);
      store_uint8(argmax + pixel * channels + c, index);
    }
  }
}

namespace {

/// V vectors of channels side by side: stores then run through whole pixels.
template <int V>
void unpool_panel(const float* gradient, const std::uint8_t* argmax, std::int64_t height, std::int64_t width,
                  std::int64_t channels, float* output, std::int64_t output_row, float* bias_gradient) {
  Vector sums[V];
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) sums[v] = zero();
  for (std::int64_t y = 0; y < height; ++y) {
    const float* from = gradient + y * width * channels;
    const std::uint8_t* which = argmax + y * width * channels;
    float* upper = output + 2 * y * output_row;
    float* lower = upper + output_row;
    for (std::int64_t x = 0; x < width; ++x) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        const std::int64_t c = v * kVectorWidth;
        const Vector value = load(from + c);
        const Vector index = load_uint8(which + c);
        store(upper + c, zero_unless(equal(index, zero()), value));
        store(upper + channels + c, zero_unless(equal(index, set1(1.0f)), value));
        store(lower + c, zero_unless(equal(index, set1(2.0f)), value));
        store(lower + channels + c, zero_unless(equal(index, set1(3.0f)), value));
        sums[v] = sums[v] + zero_unless(less(index, set1(4.0f)), value);
      }
      from += channels;
      which += channels;
      upper += 2 * channels;
      lower += 2 * channels;
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    float* sum = bias_gradient + v * kVectorWidth;
    store(sum, load(sum) + sums[v]);
  }
}

}  // namespace

void unpool2x2(const float* gradient, const std::uint8_t* argmax, std::int64_t height, std::int64_t width,
               std::int64_t channels, float* output, std::int64_t output_row, float* bias_gradient) {
  constexpr int kWide = 4, kNarrow = 16 / kVectorWidth;
  std::int64_t c = 0;
  for (; c + kWide * kVectorWidth <= channels; c += kWide * kVectorWidth) {
    unpool_panel<kWide>(gradient + c, argmax + c, height, width, channels, output + c, output_row, bias_gradient + c);
  }
  for (; c + 32 <= channels; c += 32) {
    unpool_panel<2 * kNarrow>(gradient + c, argmax + c, height, width, channels, output + c, output_row,
                              bias_gradient + c);
  }
  for (; c < channels; c += 16) {
    unpool_panel<kNarrow>(gradient + c, argmax + c, height, width, channels, output + c, output_row, bias_gradient + c);
  }
}

void max_pool(const Pool& pool, const float* input, float* output, std::uint8_t* argmax) {
  each_window(pool, [&](std::int64_t y, std::int64_t x, Window w) {
    std::uint8_t* which = argmax + (y * pool.output_width + x) * pool.channels;
    float* to = output + y * pool.output_row + x * pool.output_pixel;
    for (std::int64_t c = 0; c < pool.channels; c += kVectorWidth) {
      Vector best = zero();
      Vector index = zero();
      bool first = true;
      for (std::int64_t row = w.top; row < w.bottom; ++row) {
        for (std::int64_t column = w.left; column < w.right; ++column) {
          const Vector value = load(input + row * pool.input_row + column * pool.input_pixel + c);
          const Vector position = set1(static_cast<float>((row - w.top) * (w.right - w.left) + column - w.left));
          const Mask better = first ? all_lanes() : greater(value, best);
          best = select(better, value, best);
          index = select(better, position, index);
          first = false;
        }
      }
      store(to + c, best);
      store_uint8(which + c, index);
    }
  });
}

void max_pool_gradient(const Pool& pool, const float* gradient, const std::uint8_t* argmax, float* input_gradient) {
  // input_gradient is compact and zeroed; windows may overlap, so gradients are added window by window.
  each_window(pool, [&](std::int64_t y, std::int64_t x, Window w) {
    const std::int64_t at = (y * pool.output_width + x) * pool.channels;
    for (std::int64_t c = 0; c < pool.channels; c += kVectorWidth) {
      const Vector value = load(gradient + at + c);
      const Vector index = load_uint8(argmax + at + c);
      for (std::int64_t row = w.top; row < w.bottom; ++row) {
        for (std::int64_t column = w.left; column < w.right; ++column) {
          const Vector position = set1(static_cast<float>((row - w.top) * (w.right - w.left) + column - w.left));
          float* to = input_gradient + (row * pool.input_width + column) * pool.channels + c;
          store(to, load(to) + zero_unless(equal(index, position), value));
        }
      }
    }
  });
}

void average_pool(const Pool& pool, const float* input, float* output) {
  each_window(pool, [&](std::int64_t y, std::int64_t x, Window w) {
    const Vector share = set1(1.0f / static_cast<float>((w.bottom - w.top) * (w.right - w.left)));
    float* to = output + y * pool.output_row + x * pool.output_pixel;
    for (std::int64_t c = 0; c < pool.channels; c += kVectorWidth) {
      Vector sum = zero();
      for (std::int64_t row = w.top; row < w.bottom; ++row) {
        for (std::int64_t column = w.left; column < w.right; ++column) {
          sum = sum + load(input + row * pool.input_row + column * pool.input_pixel + c);
        }
      }
      store(to + c, sum * share);
    }
  });
}

void average_pool_gradient(const Pool& pool, const float* gradient, float* input_gradient) {
  each_window(pool, [&](std::int64_t y, std::int64_t x, Window w) {
    const Vector share = set1(1.0f / static_cast<float>((w.bottom - w.top) * (w.right - w.left)));
    for (std::int64_t c = 0; c < pool.channels; c += kVectorWidth) {
      const Vector value = load(gradient + (y * pool.output_width + x) * pool.channels + c) * share;
      for (std::int64_t row = w.top; row < w.bottom; ++row) {
        for (std::int64_t column = w.left; column < w.right; ++column) {
          float* to = input_gradient + (row * pool.input_width + column) * pool.channels + c;
          store(to, load(to) + value);
        }
      }
    }
  });
}

}  // namespace ganno::GANNO_TIER
