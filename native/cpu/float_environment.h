#pragma once
// The calling thread's floating-point control word. Another library in the process may have switched flush-to-zero on
// (some set it at load time); native code states what it needs and puts back what it found.
#include <cstdint>

namespace ganno {

/// Whether denormal inputs and results are taken as zero. A step on anybody's arrays keeps them unless asked; the
/// child-network engine flushes them throughout, because each costs 100 cycles and more.
enum class Denormals { kKeep, kFlush };

/// For its lifetime: round to nearest, exceptions masked, denormals as asked. Restores the control word it found.
class FloatEnvironment {
 public:
  explicit FloatEnvironment(Denormals denormals) : saved_(read()) {
#if defined(__x86_64__)
    constexpr std::uint64_t kMaskedNearest = 0x1f80;
    constexpr std::uint64_t kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
    write(kMaskedNearest | (denormals == Denormals::kFlush ? kFlushToZero | kDenormalsAreZero : 0));
#elif defined(__aarch64__)
    constexpr std::uint64_t kFlush = 1ull << 24;
    write(denormals == Denormals::kFlush ? kFlush : 0);
#endif
  }
  ~FloatEnvironment() {
    write(saved_);
  }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

  /// The control word as it is (the thread pool hands the caller's to its helpers).
  static std::uint64_t read() {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr();
#elif defined(__aarch64__)
    std::uint64_t word;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
#else
    return 0;
#endif
  }
  static void write(std::uint64_t word) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(static_cast<unsigned>(word));
#elif defined(__aarch64__)
    asm volatile("msr fpcr, %0" : : "r"(word));
#else
    (void)word;
#endif
  }

 private:
  std::uint64_t saved_;
};

}  // namespace ganno
