// class StreamCeiling: the memory traffic of a step, for benchmarks.
#include "bench/node/stream_ceiling.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bench/cpu/stream_ceiling.h"
#include "node/arguments.h"
#include "node/errors.h"
#include "node/handles.h"

namespace ganno::node {

namespace {

class StreamCeilingHandle : public Napi::ObjectWrap<StreamCeilingHandle> {
 public:
  explicit StreamCeilingHandle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<StreamCeilingHandle>(info) {
    guarded(info.Env(), [&] {
      std::vector<std::uint64_t> sizes;
      for (const double size : elements<double>(info[0], "sizes")) {
        if (!(size >= 0 && size <= 0x1p53)) throw std::invalid_argument("a size is not a count");
        sizes.push_back(static_cast<std::uint64_t>(size));
      }
      const auto threads = static_cast<int>(integer(info[1], "threads", 1, 256));
      const Tier tier = info[2].IsString() ? tier_from_name(info[2].As<Napi::String>().Utf8Value()) : selected_tier();
      ceiling_ = std::make_unique<StreamCeiling>(tier, threads, sizes);
      resources_ = HandleResources(info.Env(), static_cast<std::int64_t>(ceiling_->bytes()));
    });
  }

  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "StreamCeiling",
                       {InstanceMethod<&StreamCeilingHandle::pass>("pass"),
                        InstanceMethod<&StreamCeilingHandle::parameters>("parameters"),
                        InstanceMethod<&StreamCeilingHandle::dispose>("dispose")});
  }

 private:
  StreamCeiling& live() {
    if (!ceiling_) throw CodedError("DISPOSED", "This StreamCeiling was disposed; make a new one");
    return *ceiling_;
  }

  void pass(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { live().pass(); });
  }

  void parameters(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const StreamCeiling& ceiling = live();
      const auto layer = integer(info[0], "layer", 0, static_cast<std::int64_t>(ceiling.layer_count()) - 1);
      const auto values = ceiling.parameters(static_cast<std::size_t>(layer));
      std::copy(values.begin(), values.end(), elements<float>(info[1], "out", values.size()).begin());
    });
  }

  void dispose(const Napi::CallbackInfo&) {
    ceiling_.reset();
    resources_.release();
  }

  HandleResources resources_;
  std::unique_ptr<StreamCeiling> ceiling_;
};

}  // namespace

Napi::Function stream_ceiling_class(Napi::Env env) {
  return StreamCeilingHandle::define(env);
}

}  // namespace ganno::node
