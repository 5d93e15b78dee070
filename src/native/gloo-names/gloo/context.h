// The names of Gloo that c10d's ProcessGroupGloo.hpp mentions. Nothing of Gloo is called from here, no object of its is
// made and none is measured: c10d holds them by pointer. So the declarations are enough where Gloo's headers are missing.
#pragma once
#include <chrono>
#include <string>
#include <vector>

namespace gloo {

class Context;

namespace transport {

class Device;

// c10d deletes one through a unique_ptr in an inline destructor, which is emitted in libtorch and not here
class UnboundBuffer {
 public:
  virtual ~UnboundBuffer() = default;
};

}  // namespace transport

namespace rendezvous {

// the base of c10d's adapter for its stores, which overrides these
class Store {
 public:
  static constexpr std::chrono::milliseconds kDefaultTimeout{30000};
  virtual ~Store() = default;
  virtual void set(const std::string& key, const std::vector<char>& value) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};

}  // namespace rendezvous
}  // namespace gloo
