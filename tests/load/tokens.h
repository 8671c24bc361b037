// Who the load says it is.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/client_context.h"

namespace load {

enum class Role { kCustomer, kKitchen, kCourier };

// Puts credentials on calls. Thread-safe.
class Tokens {
 public:
  // Reads a file with a line for each of whom we play, `<who> <token>`, where
  // <who> is "kitchen", "courier" or a customer's id. Without a path nobody has
  // a token. Fails with `INVALID_ARGUMENT` if it cannot be read.
  static absl::StatusOr<Tokens> Read(const std::string& path);

  // `customer` is who asks, for kCustomer. Nothing is put on the calls of those
  // of whom the file knows nothing.
  void Put(Role role, int32_t customer, grpc::ClientContext& context) const;

 private:
  std::map<std::string, std::string> bearer_;  // by <who>
};

}  // namespace load
