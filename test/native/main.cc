// Runs the native tests: all, or those whose name contains one of the arguments (a leading '-' leaves those out).
#include <atomic>
#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>
#include <vector>

#include "check.h"

namespace ganno::test {

namespace {

std::vector<std::pair<std::string, std::function<void()>>>& registered() {
  static std::vector<std::pair<std::string, std::function<void()>>> tests;
  return tests;
}

std::atomic<int> failures{0};

bool is_wanted(std::string_view name, int count, char** arguments) {
  bool wanted = true;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    const bool leaves_out = argument.starts_with('-');
    const bool matches = name.find(argument.substr(leaves_out ? 1 : 0)) != std::string_view::npos;
    if (leaves_out && matches) return false;
    if (!leaves_out) {
      if (matches) return true;
      wanted = false;
    }
  }
  return wanted;
}

}  // namespace

Test::Test(std::string name, std::function<void()> body) {
  registered().emplace_back(std::move(name), std::move(body));
}

void check(bool condition, const std::string& what, std::source_location where) {
  if (condition) return;
  ++failures;
  std::fprintf(stderr, "  %s:%u: failed%s%s\n", where.file_name(), static_cast<unsigned>(where.line()),
               what.empty() ? "" : ": ", what.c_str());
}

int run(int count, char** arguments) {
  int passed = 0, failed = 0;
  for (const auto& [name, body] : registered()) {
    if (!is_wanted(name, count, arguments)) continue;
    const int before = failures;
    try {
      body();
    } catch (const std::exception& error) {
      check(false, error.what());
    }
    const bool good = failures == before;
    (good ? passed : failed) += 1;
    std::printf("%s %s\n", good ? "ok" : "FAILED", name.c_str());
    std::fflush(stdout);
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace ganno::test

int main(int count, char** arguments) {
  return ganno::test::run(count, arguments);
}
