// ganno-bench.node: what only benchmarks call.
#include "bench/node/exports.h"

namespace ganno::node {

NODE_API_MODULE(ganno_bench, add_bench_exports)

}  // namespace ganno::node
