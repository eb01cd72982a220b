#include "cpu/network/kernels.h"

namespace ganno {

GANNO_IN_TIERS(extern const NetworkKernels kNetworkKernels;)

const NetworkKernels& network_kernels(Tier tier) {
  return GANNO_OF_TIER(tier, kNetworkKernels);
}

}  // namespace ganno
