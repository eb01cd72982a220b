#pragma once
// Errors with a machine-readable reason. native/node/errors.h turns them into JavaScript errors with that `code`:
// std::invalid_argument is INVALID_ARGUMENT, std::bad_alloc is OUT_OF_MEMORY, anything unnamed is INTERNAL.
#include <stdexcept>
#include <string>

namespace ganno {

class CodedError : public std::runtime_error {
 public:
  /// @param code one of ERROR_CODES in src/errors.ts
  CodedError(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;
};

}  // namespace ganno
