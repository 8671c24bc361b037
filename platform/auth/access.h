// Who may call what: the rules of one service, and the check at its door.
//
//   const Rules rules = {{"GetNote", {{"author", Scope::kOwn},
//                                     {"operator", Scope::kAll}}}};
//   …
//   const auto caller = access.Admit(*context, "GetNote");
//   if (!caller.ok()) return rpc::Answer(context, "GetNote", caller.status());
//   …
//   if (!caller->Is(note.author_id)) note = NoNote(id);
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/server_callback.h"

#include "platform/auth/identity.h"
#include "platform/auth/verifier.h"

namespace platform::auth {

enum class Scope {
  kOwn,  // only what is the caller's; the handler sees to it
  kAll,
};

struct Grant {
  std::string role;
  Scope scope = Scope::kOwn;
  std::string subject = {};  // if set, only this one of the role
};

struct Rule {
  std::string method;  // the RPC's name
  std::vector<Grant> grants;
};
using Rules = std::vector<Rule>;

// An admitted caller.
struct Caller {
  std::shared_ptr<const Identity> identity;  // null if authentication is off
  Scope scope = Scope::kOwn;

  // Whether he may touch what belongs to person `id`: the scope is kAll, or his
  // subject is that number.
  bool Is(int64_t id) const;
  // The same for what belongs to one of several: his claim `list` has `id`.
  bool Has(const std::string& list, int64_t id) const;
  // Whether authentication is off, so that nobody knows who it is.
  bool anonymous() const { return identity == nullptr; }
};

// Thread-safe.
class Access {
 public:
  // Without a verifier everybody may do everything.
  Access(Rules rules, std::unique_ptr<Verifier> verifier);

  // Lets the caller in, or fails with `UNAUTHENTICATED` (see verifier.h) or
  // `PERMISSION_DENIED` (ROLE_NOT_ALLOWED). A method without a rule is
  // nobody's.
  absl::StatusOr<Caller> Admit(const grpc::CallbackServerContext& context,
                               absl::string_view method) const;
  // The same, given the `authorization` metadata; "" if there was none.
  absl::StatusOr<Caller> Admit(absl::string_view authorization,
                               absl::string_view method) const;

  const Rules& rules() const { return rules_; }
  bool on() const { return verifier_ != nullptr; }

 private:
  const Rules rules_;
  const std::unique_ptr<Verifier> verifier_;
};

// `PERMISSION_DENIED` (NOT_YOURS): `field` of the request names somebody else.
// For what is found by its own id, answer as if it did not exist instead.
absl::Status NotYours(absl::string_view field);

}  // namespace platform::auth
