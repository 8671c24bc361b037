#include "mypage/adapters/rebuild_gate.h"

#include <utility>

#include "absl/status/status.h"

namespace mypage {
namespace {

// The lock's key is "mypage" in ASCII.
constexpr char kTryShared[] = "mypage_gate";
constexpr char kTrySharedSql[] =
    "SELECT pg_try_advisory_xact_lock_shared(x'6d7970616765'::bigint)";
constexpr char kExclusiveSql[] =
    "SELECT pg_advisory_xact_lock(x'6d7970616765'::bigint)";

}  // namespace

void PrepareRebuildGate(pqxx::connection& connection) {
  connection.prepare(kTryShared, kTrySharedSql);
}

platform::events::Handler UnlessRebuilding(platform::events::Handler handler) {
  return [handler = std::move(handler)](
             pqxx::work& tx,
             absl::Span<const platform::events::Message> messages) {
    if (!tx.exec_prepared1(kTryShared)[0].as<bool>()) {
      return absl::UnavailableError("The projection is being rebuilt.");
    }
    return handler(tx, messages);
  };
}

void CloseGate(pqxx::work& tx) { tx.exec1(kExclusiveSql); }

}  // namespace mypage
