#include "cuda/emulation/fiber.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace ganno::cuda::emulation {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kStackSize = std::size_t{1} << 18;  // instrumented frames are several times larger
#else
constexpr std::size_t kStackSize = std::size_t{1} << 16;
#endif
constexpr std::size_t kCanarySize = 64;
constexpr char kCanary = 0x5a;

}  // namespace

#if defined(__x86_64__)

extern "C" __attribute__((visibility("hidden"))) void ganno_switch_stack(void** from, void* to);

// System V ABI: the callee keeps rbx, rbp, r12-r15. The control words are the same on every fiber.
asm(R"(
.text
.globl ganno_switch_stack
.hidden ganno_switch_stack
.type ganno_switch_stack, @function
ganno_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size ganno_switch_stack, .-ganno_switch_stack
)");

extern "C" __attribute__((visibility("hidden"))) void ganno_fiber_start();

// The first switch returns to here, with the entry function in rbx and its argument in r12.
asm(R"(
.text
.globl ganno_fiber_start
.hidden ganno_fiber_start
.type ganno_fiber_start, @function
ganno_fiber_start:
  movq %r12, %rdi
  xorl %ebp, %ebp
  callq *%rbx
  ud2
.size ganno_fiber_start, .-ganno_fiber_start
)");

void Fiber::restart() {
  auto** top = reinterpret_cast<void**>(stack_.get() + kStackSize);
  *--top = nullptr;
  *--top = nullptr;  // keeps the stack 16-byte aligned at the call
  *--top = reinterpret_cast<void*>(ganno_fiber_start);
  *--top = nullptr;                              // rbp
  *--top = reinterpret_cast<void*>(entry_);      // rbx
  *--top = argument_;                            // r12
  for (int i = 0; i < 3; ++i) *--top = nullptr;  // r13, r14, r15
  context_.stack_pointer = top;
#else

void Fiber::restart() {
  getcontext(&context_.machine);
  context_.machine.uc_stack.ss_sp = stack_.get();
  context_.machine.uc_stack.ss_size = kStackSize;
  context_.machine.uc_link = nullptr;
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  const auto start = [](unsigned high, unsigned low) {
    auto* fiber = reinterpret_cast<Fiber*>(static_cast<std::uintptr_t>(high) << 32 | low);
    fiber->entry_(fiber->argument_);
  };
  makecontext(&context_.machine, reinterpret_cast<void (*)()>(+start), 2, static_cast<unsigned>(self >> 32),
              static_cast<unsigned>(self));
#endif
  context_.stack_bottom = stack_.get();
  context_.stack_size = kStackSize;
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack_.get(), kStackSize);
#endif
}

Fiber::Fiber(void (*entry)(void*), void* argument)
    : entry_(entry), argument_(argument), stack_(static_cast<char*>(std::aligned_alloc(64, kStackSize))) {
  if (!stack_) throw std::bad_alloc();
  std::memset(stack_.get(), kCanary, kCanarySize);
  restart();
}

void Fiber::Free::operator()(char* memory) const {
  std::free(memory);
}

bool Fiber::stack_intact() const {
  for (std::size_t i = 0; i < kCanarySize; ++i) {
    if (stack_.get()[i] != kCanary) return false;
  }
  return true;
}

void arrived_on_fiber([[maybe_unused]] Context& from) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &from.stack_bottom, &from.stack_size);
#endif
}

void switch_context(Context& from, Context& to) {
#if defined(__SANITIZE_ADDRESS__)
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, to.stack_bottom, to.stack_size);
#endif
#if defined(__x86_64__)
  ganno_switch_stack(&from.stack_pointer, to.stack_pointer);
#else
  swapcontext(&from.machine, &to.machine);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

}  // namespace ganno::cuda::emulation
