#include "cpu/network/kernels.h"

namespace ganno {

namespace baseline {
extern const NetworkKernels kNetworkKernels;
}
#if defined(GANNO_HAS_TIER_AVX2)
namespace avx2 {
extern const NetworkKernels kNetworkKernels;
}
#endif
#if defined(GANNO_HAS_TIER_AVX512)
namespace avx512 {
extern const NetworkKernels kNetworkKernels;
}
#endif

const NetworkKernels& network_kernels(Tier tier) {
  switch (tier) {
#if defined(GANNO_HAS_TIER_AVX512)
    case Tier::kAvx512:
      return avx512::kNetworkKernels;
#endif
#if defined(GANNO_HAS_TIER_AVX2)
    case Tier::kAvx2:
      return avx2::kNetworkKernels;
#endif
    default:
      return baseline::kNetworkKernels;
  }
}

}  // namespace ganno
