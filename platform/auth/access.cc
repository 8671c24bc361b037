#include "platform/auth/access.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "grpcpp/server_context.h"

#include "platform/status/error.h"

namespace platform::auth {
namespace {

absl::Status RoleNotAllowed(absl::string_view role, absl::string_view method) {
  return Error(
      absl::StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED",
      absl::StrCat("The role \"", role, "\" may not call ", method, "."),
      {{"role", role}, {"method", method}});
}

}  // namespace

bool Caller::Is(int64_t id) const {
  return scope == Scope::kAll || identity->subject == absl::StrCat(id);
}

bool Caller::Has(const std::string& list, int64_t id) const {
  if (scope == Scope::kAll) return true;
  const auto found = identity->number_lists.find(list);
  return found != identity->number_lists.end() && found->second.contains(id);
}

Access::Access(Rules rules, std::unique_ptr<Verifier> verifier)
    : rules_(std::move(rules)), verifier_(std::move(verifier)) {}

absl::StatusOr<Caller> Access::Admit(const grpc::CallbackServerContext& context,
                                     absl::string_view method) const {
  const auto [begin, end] =
      context.client_metadata().equal_range("authorization");
  if (begin == end) return Admit("", method);
  // Of two, another reader could have believed the other one.
  if (std::next(begin) != end) return Admit("several", method);
  return Admit(absl::string_view(begin->second.data(), begin->second.size()),
               method);
}

absl::StatusOr<Caller> Access::Admit(absl::string_view authorization,
                                     absl::string_view method) const {
  if (verifier_ == nullptr) return Caller{nullptr, Scope::kAll};
  if (authorization.empty()) {
    return Error(absl::StatusCode::kUnauthenticated, kTokenMissing,
                 "A token is needed: authorization: Bearer …");
  }
  if (!absl::ConsumePrefix(&authorization, "Bearer ")) {
    return Error(absl::StatusCode::kUnauthenticated, kTokenInvalid,
                 "One token is needed: authorization: Bearer …");
  }
  absl::StatusOr<std::shared_ptr<const Identity>> identity =
      verifier_->Verify(authorization);
  if (!identity.ok()) return identity.status();

  const auto rule =
      std::find_if(rules_.begin(), rules_.end(),
                   [&](const Rule& r) { return r.method == method; });
  if (rule != rules_.end()) {
    for (const Grant& grant : rule->grants) {
      if (grant.role == (*identity)->role &&
          (grant.subject.empty() || grant.subject == (*identity)->subject)) {
        return Caller{*std::move(identity), grant.scope};
      }
    }
  }
  return RoleNotAllowed((*identity)->role, method);
}

absl::Status NotYours(absl::string_view field) {
  return Error(absl::StatusCode::kPermissionDenied, "NOT_YOURS",
               absl::StrCat(field, " is not yours."), {{"field", field}});
}

}  // namespace platform::auth
