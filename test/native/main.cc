// Runs the native tests: all, or a choice (--help). Any thread may CHECK; REQUIRE, which ends a test by an exception,
// is for the test's own thread. Fatal signals are left alone, for sanitizers and whoever started this to see.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
