#include "tests/load/tokens.h"

#include <fstream>

#include "absl/strings/str_cat.h"

namespace load {

absl::StatusOr<Tokens> Tokens::Read(const std::string& path) {
  Tokens tokens;
  if (path.empty()) return tokens;
  std::ifstream file(path);
  std::string who, token;
  while (file >> who >> token) {
    tokens.bearer_[who] = absl::StrCat("Bearer ", token);
  }
  if (tokens.bearer_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tokens: there are none in ", path));
  }
  return tokens;
}

void Tokens::Put(Role role, int32_t customer,
                 grpc::ClientContext& context) const {
  const auto found =
      bearer_.find(role == Role::kCustomer  ? absl::StrCat(customer)
                   : role == Role::kKitchen ? "kitchen"
                                            : "courier");
  if (found != bearer_.end()) {
    context.AddMetadata("authorization", found->second);
  }
}

}  // namespace load
