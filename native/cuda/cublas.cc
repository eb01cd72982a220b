#include "cuda/cublas.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "cuda/open_library.h"

namespace ganno::cuda {

namespace {

// As cublas_api.h and library_types.h have them. Plain numbers: there need be no header of cuBLAS at the build.
constexpr int kSuccess = 0, kNotTransposed = 0, kTransposed = 1, kFloat32 = 0, kFastTf32 = 77, kDefaultAlgorithm = -1;
/// What cuBLAS documents for Hopper; less is enough before. Without one of our own it would allocate while a graph is
/// recorded.
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

using Handle = void*;
struct Functions {
  int (*create)(Handle*) = nullptr;
  int (*destroy)(Handle) = nullptr;
  int (*set_stream)(Handle, cudaStream_t) = nullptr;
  int (*set_workspace)(Handle, void*, std::size_t) = nullptr;
  int (*multiply)(Handle, int, int, int, int, int, const void*, const void*, int, int, long long, const void*, int, int,
                  long long, const void*, void*, int, int, long long, int, int, int) = nullptr;
};

struct Library {
  CublasLibrary found;
  Functions functions;
};

template <class Function>
bool find(void* library, const char* name, Function& function, std::string& missing) {
  void* symbol = dlsym(library, name);
  if (symbol == nullptr && missing.empty()) missing = name;
  std::memcpy(&function, &symbol, sizeof symbol);
  return symbol != nullptr;
}

bool load(const std::string& name, Library& into, std::string& problem) {
  void* library = open_library(name.c_str());
  if (library == nullptr) {
    const char* why = dlerror();
    problem = why == nullptr ? name + " cannot be used here" : why;
    return false;
  }
  Functions& f = into.functions;
  std::string missing;
  find(library, "cublasCreate_v2", f.create, missing);
  find(library, "cublasDestroy_v2", f.destroy, missing);
  find(library, "cublasSetStream_v2", f.set_stream, missing);
  find(library, "cublasSetWorkspace_v2", f.set_workspace, missing);
  find(library, "cublasGemmStridedBatchedEx", f.multiply, missing);
  if (!missing.empty()) {
    dlclose(library);
    problem = name + " has no " + missing;
    return false;
  }
  into.found.name = name;  // it stays loaded
  return true;
}

Library search() {
  Library library;
  const char* asked = std::getenv("GANNO_CUBLAS");
  if (asked != nullptr && std::strcmp(asked, "off") == 0) {
    library.found.reason = "GANNO_CUBLAS is 'off'";
    return library;
  }
  std::string problem;
  if (asked != nullptr && *asked != '\0') {
    if (!load(asked, library, problem)) library.found.reason = "GANNO_CUBLAS: " + problem;
    return library;
  }
  for (const char* name : {"libcublas.so.13", "libcublas.so.12"}) {
    if (load(name, library, problem)) return library;
  }
  library.found.reason =
      "neither libcublas.so.13 nor libcublas.so.12 was found: put its folder into LD_LIBRARY_PATH, or its path into "
      "GANNO_CUBLAS";
  return library;
}

const Library& library() {
  static const Library found = search();
  return found;
}

void check_status(int status, const char* what) {
  if (status == kSuccess) return;
  throw CodedError("INTERNAL", std::string(what) + " failed: cuBLAS status " + std::to_string(status) + " (" +
                                   library().found.name + "). GANNO_CUBLAS=off does without it");
}

}  // namespace

CublasLibrary cublas_library() {
  return library().found;
}

std::unique_ptr<Cublas> Cublas::open(const Stream& stream) {
  if (library().found.name.empty()) return nullptr;
  Handle handle = nullptr;
  check_status(library().functions.create(&handle), "Opening cuBLAS");
  return std::unique_ptr<Cublas>(new Cublas(handle, stream));
}

Cublas::Cublas(void* handle, const Stream& stream) : handle_(handle) {
  workspace_ = DeviceBuffer<std::uint8_t>(kWorkspaceBytes);
  // In this order: setting the stream takes the workspace away.
  check_status(library().functions.set_stream(handle, stream.get()), "Giving cuBLAS a stream");
  check_status(library().functions.set_workspace(handle, workspace_.data(), workspace_.bytes()),
               "Giving cuBLAS its memory");
}

void Cublas::Destroy::operator()(void* handle) const {
  library().functions.destroy(handle);
}

void Cublas::multiply(int rows, int columns, int depth, const CublasMatrix& a, const CublasMatrix& b,
                      const CublasResult& c, std::uint32_t networks) const {
  const float one = 1, zero = 0;
  const auto operation = [](const CublasMatrix& matrix) { return matrix.transposed ? kTransposed : kNotTransposed; };
  check_status(library().functions.multiply(handle_.get(), operation(a), operation(b), rows, columns, depth, &one,
                                            a.data, kFloat32, a.leading, a.stride, b.data, kFloat32, b.leading,
                                            b.stride, &zero, c.data, kFloat32, c.leading, c.stride,
                                            static_cast<int>(networks), kFastTf32, kDefaultAlgorithm),
               "A product");
}

}  // namespace ganno::cuda
