// ganno.node, the addon of the package.
#include "node/exports.h"

namespace ganno::node {

NODE_API_MODULE(ganno, add_exports)

}  // namespace ganno::node
