#include "node/random.h"

#include <algorithm>

#include "core/philox.h"
#include "node/arguments.h"
#include "node/errors.h"

namespace ganno::node {

void random_blocks(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const auto seed = static_cast<std::uint32_t>(integer(info[0], "seed", 0, 0xffffffff));
    const auto stream = static_cast<Stream>(integer(info[1], "stream", 0, 0xffffffff));
    const auto index = static_cast<std::uint64_t>(integer(info[2], "index", 0, std::int64_t{1} << 53));
    const auto sub = static_cast<std::uint64_t>(integer(info[3], "sub", 0, std::int64_t{1} << 53));
    const auto out = elements<std::uint32_t>(info[4], "out");
    for (std::size_t i = 0; i < out.size(); i += 4) {
      const PhiloxBlock block = random_block(seed, stream, index + i / 4, sub);
      std::copy_n(block.begin(), std::min<std::size_t>(4, out.size() - i),
                  out.begin() + static_cast<std::ptrdiff_t>(i));
    }
  });
}

}  // namespace ganno::node
