#pragma once
// As much of a test library as these tests need: named tests that register themselves, and checks that say where they
// failed.
#include <cstddef>
#include <functional>
#include <source_location>
#include <string>

namespace ganno::test {

/// A static object of this type is a test. A test fails by a failed check or by an exception.
class Test {
 public:
  Test(std::string name, std::function<void()> body);
};

/// Records a failure unless `condition` holds; the test goes on. Any thread may call it.
void check(bool condition, const std::string& what = "", std::source_location where = std::source_location::current());

/// Whether `action` throws an Exception.
template <typename Exception, typename Action>
bool throws(Action&& action) {
  try {
    action();
  } catch (const Exception&) {
    return true;
  }
  return false;
}

}  // namespace ganno::test
