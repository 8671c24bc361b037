// All SQL of the views (the rebuild's own is in shadow_tables.cc and
// rebuild.cc).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "mypage/app/mypage_store.h"
#include "mypage/domain/mypage_view.h"
#include "platform/pg/pool.h"

namespace mypage {

// Who is told of views that are stored (change_notice.h).
enum class Tell { kWatchers, kNobody };

// Prepares the statements below. Call from PoolOptions::prepare.
void PrepareMypage(pqxx::connection& connection, Tell tell);

// In one transaction, which must outlive it. One statement per call.
class PgMypageStore final : public MypageStore {
 public:
  explicit PgMypageStore(pqxx::transaction_base& tx) : tx_(tx) {}

  absl::StatusOr<absl::flat_hash_set<std::string>> Known(
      absl::Span<const std::string> order_ids) override;
  absl::StatusOr<absl::flat_hash_set<std::string>> Insert(
      absl::Span<const MypageView* const> views) override;
  absl::StatusOr<std::vector<MypageView>> Load(
      absl::Span<const std::string> order_ids) override;
  absl::Status Update(absl::Span<const MypageView> views) override;

 private:
  pqxx::transaction_base& tx_;
};

// `NOT_FOUND` / `MYPAGE_NOT_FOUND`.
absl::Status MypageNotFound(absl::string_view order_id);

// Reads one view; fails with MypageNotFound().
absl::StatusOr<MypageView> FindMypage(pqxx::transaction_base& tx,
                                      const std::string& order_id);

// Reads a customer's views, newest order first: those with ids below `before`
// (empty: from the newest) and, if given, with this state of the order; at
// most `limit`.
absl::StatusOr<std::vector<MypageView>> ListMypages(
    pqxx::transaction_base& tx, int32_t customer_id,
    std::optional<int32_t> order_state, const std::string& before, int limit);

// The columns that ViewOf() reads, in its order, of a table called `v`.
inline constexpr char kViewColumns[] = R"sql(
    v.order_id, v.customer_id, v.restaurant_id, v.restaurant_menu_id, v.qty,
    (extract(epoch FROM v.created_at) * 1000000)::bigint, v.timeline)sql";
absl::StatusOr<MypageView> ViewOf(const pqxx::row& row);

}  // namespace mypage
