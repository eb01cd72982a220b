#include "cuda/device.h"

#include <cstdio>
#include <new>

#include "core/error.h"

namespace ganno::cuda {

namespace {

std::string gibibytes(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / 0x1p30);
  return text;
}

}  // namespace

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // forget it, unless the device is lost
  throw CodedError("INTERNAL", std::string(what) + " failed: " + cudaGetErrorString(error) + " (" +
                                   cudaGetErrorName(error) +
                                   "). After an error in a kernel nothing works on the device until this process ends");
}

DeviceScope::DeviceScope(int device) {
  check(cudaGetDevice(&before_), "Asking for the current CUDA device");
  check(cudaSetDevice(device), "Selecting the CUDA device");
}

DeviceScope::~DeviceScope() {
  cudaSetDevice(before_);
}

int multiprocessor_count(int device) {
  int count = 0;
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "Counting multiprocessors");
  return count;
}

Stream::Stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "Making a CUDA stream");
  stream_.reset(stream);
}

void Stream::synchronize() const {
  check(cudaStreamSynchronize(get()), "Work on the CUDA device");
}

void Stream::Destroy::operator()(cudaStream_t stream) const {
  cudaStreamDestroy(stream);
}

Event::Event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "Making a CUDA event");
  event_.reset(event);
}

void Event::record(const Stream& stream) {
  check(cudaEventRecord(get(), stream.get()), "Recording a CUDA event");
}

void Event::synchronize() const {
  check(cudaEventSynchronize(get()), "Work on the CUDA device");
}

void Event::Destroy::operator()(cudaEvent_t event) const {
  cudaEventDestroy(event);
}

void* allocate_device_memory(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, bytes);
  if (error != cudaErrorMemoryAllocation) {
    check(error, "Allocating device memory");
    return memory;
  }
  cudaGetLastError();
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "Asking for free device memory");
  throw CodedError("OUT_OF_MEMORY", gibibytes(bytes) + " of device memory were asked for, but " + gibibytes(free) +
                                        " of " + gibibytes(total) +
                                        " are free. Use fewer or smaller networks or layers, or the CPU");
}

void* allocate_pinned_memory(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = nullptr;
  const cudaError_t error = cudaHostAlloc(&memory, bytes, cudaHostAllocDefault);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw std::bad_alloc();
  }
  check(error, "Allocating pinned memory");
  return memory;
}

void free_device_memory(void* memory) noexcept {
  cudaFree(memory);
}

void free_pinned_memory(void* memory) noexcept {
  cudaFreeHost(memory);
}

void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, const Stream& stream) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, kind, stream.get()), "A copy between host and device");
}

void Graph::begin(const Stream& stream) {
  check(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "Recording a CUDA graph");
}

void Graph::abandon(const Stream& stream) noexcept {
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(stream.get(), &graph) == cudaSuccess && graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();
}

Graph Graph::end(const Stream& stream) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream.get(), &graph), "Recording a CUDA graph");
  cudaGraphExec_t executable = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check(error, "Instantiating a CUDA graph");
  Graph made;
  made.executable_.reset(executable);
  return made;
}

void Graph::launch(const Stream& stream) const {
  check(cudaGraphLaunch(executable_.get(), stream.get()), "Launching a CUDA graph");
}

void Graph::Destroy::operator()(cudaGraphExec_t executable) const {
  cudaGraphExecDestroy(executable);
}

}  // namespace ganno::cuda
