#include "mypage/adapters/pg_mypage_store.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "mypage/adapters/change_notice.h"
#include "mypage/adapters/timeline_text.h"
#include "platform/pg/array.h"
#include "platform/pg/time.h"
#include "platform/status/error.h"

namespace mypage {
namespace {

using platform::pg::Array;

// Rows in key order: whoever inserts or locks several does it in one order.
constexpr char kInsert[] = "mypage_insert";
constexpr char kInsertSql[] = R"sql(
    INSERT INTO mypage_views (
        order_id, customer_id, restaurant_id, restaurant_menu_id, qty,
        order_status, cook_status, delivery_status,
        order_version, cook_version, delivery_version,
        version, timeline, created_at, modified_at)
    SELECT *
    FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[],
                $6::int[], $7::int[], $8::int[], $9::int[], $10::int[],
                $11::int[], $12::int[], $13::text[], $14::timestamptz[],
                $15::timestamptz[]) AS news(order_id)
    ORDER BY news.order_id
    ON CONFLICT (order_id) DO NOTHING
    RETURNING order_id, customer_id)sql";

constexpr char kKnown[] = "mypage_known";
constexpr char kKnownSql[] = R"sql(
    SELECT order_id FROM mypage_views WHERE order_id = ANY($1::uuid[]))sql";

constexpr char kLoad[] = "mypage_load";
constexpr char kLoadSql[] = R"sql(
    FROM mypage_views v WHERE order_id = ANY($1::uuid[])
    ORDER BY order_id
    FOR UPDATE)sql";

constexpr char kUpdate[] = "mypage_update";
constexpr char kUpdateSql[] = R"sql(
    UPDATE mypage_views AS v
    SET customer_id = news.customer_id,
        restaurant_id = news.restaurant_id,
        restaurant_menu_id = news.restaurant_menu_id,
        qty = news.qty,
        order_status = news.order_status,
        cook_status = news.cook_status,
        delivery_status = news.delivery_status,
        order_version = news.order_version,
        cook_version = news.cook_version,
        delivery_version = news.delivery_version,
        version = news.version,
        timeline = news.timeline,
        created_at = news.created_at,
        modified_at = news.modified_at
    FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[],
                $6::int[], $7::int[], $8::int[], $9::int[], $10::int[],
                $11::int[], $12::int[], $13::text[], $14::timestamptz[],
                $15::timestamptz[])
        AS news(order_id, customer_id, restaurant_id, restaurant_menu_id, qty,
                order_status, cook_status, delivery_status,
                order_version, cook_version, delivery_version,
                version, timeline, created_at, modified_at)
    WHERE v.order_id = news.order_id
    RETURNING v.order_id, v.customer_id)sql";

constexpr char kFind[] = "mypage_find";
constexpr char kFindSql[] = " FROM mypage_views v WHERE order_id = $1";

constexpr char kList[] = "mypage_list";
constexpr char kListSql[] = R"sql(
    FROM mypage_views v
    WHERE customer_id = $1 AND order_id < $2
    ORDER BY order_id DESC
    LIMIT $3)sql";

constexpr char kListByState[] = "mypage_list_by_state";
constexpr char kListByStateSql[] = R"sql(
    FROM mypage_views v
    WHERE customer_id = $1 AND order_id < $2 AND order_status = $4
    ORDER BY order_id DESC
    LIMIT $3)sql";

// Above every UUID that we make.
constexpr char kMaxUuid[] = "ffffffff-ffff-ffff-ffff-ffffffffffff";

// Whole rows as arrays, one per column.
class Columns {
 public:
  void Add(const MypageView& view) {
    const Header& header = view.header();
    order_id_.Add(view.order_id());
    customer_id_.Add(header.customer_id);
    restaurant_id_.Add(header.restaurant_id);
    restaurant_menu_id_.Add(header.restaurant_menu_id);
    qty_.Add(header.qty);
    for (size_t i = 0; i < 3; ++i) {
      const MypageView::Part part = view.part(static_cast<Source>(i));
      status_[i].Add(part.state);
      part_version_[i].Add(part.version);
    }
    version_.Add(view.version());
    timeline_.Add(ToText(view.timeline()));
    if (header.created.has_value()) {
      created_at_.AddTime(*header.created);
    } else {
      created_at_.AddNull();
    }
    modified_at_.AddTime(view.modified());
  }

  pqxx::result Exec(pqxx::transaction_base& tx, const char* statement) const {
    return tx.exec_prepared(
        statement, order_id_.text(), customer_id_.text(), restaurant_id_.text(),
        restaurant_menu_id_.text(), qty_.text(), status_[0].text(),
        status_[1].text(), status_[2].text(), part_version_[0].text(),
        part_version_[1].text(), part_version_[2].text(), version_.text(),
        timeline_.text(), created_at_.text(), modified_at_.text());
  }

 private:
  Array order_id_, customer_id_, restaurant_id_, restaurant_menu_id_, qty_;
  Array status_[3], part_version_[3];
  Array version_, timeline_, created_at_, modified_at_;
};

absl::StatusOr<std::vector<MypageView>> ViewsOf(const pqxx::result& rows) {
  std::vector<MypageView> views;
  views.reserve(rows.size());
  for (const pqxx::row& row : rows) {
    absl::StatusOr<MypageView> view = ViewOf(row);
    if (!view.ok()) return view.status();
    views.push_back(*std::move(view));
  }
  return views;
}

}  // namespace

void PrepareMypage(pqxx::connection& connection, Tell tell) {
  // Plans are made while the tables are empty and kept when they have grown:
  // every statement here is to go by an index, whatever the statistics say.
  connection.set_variable("plan_cache_mode", "force_generic_plan");
  connection.set_variable("enable_seqscan", "off");
  connection.set_variable("enable_hashjoin", "off");
  connection.set_variable("enable_mergejoin", "off");
  connection.set_variable("jit", "off");
  const auto told = [tell](const char* sql) {
    return tell == Tell::kWatchers ? TellingOf(sql) : std::string(sql);
  };
  connection.prepare(kInsert, told(kInsertSql));
  connection.prepare(kKnown, kKnownSql);
  connection.prepare(kLoad, absl::StrCat("SELECT ", kViewColumns, kLoadSql));
  connection.prepare(kUpdate, told(kUpdateSql));
  connection.prepare(kFind, absl::StrCat("SELECT ", kViewColumns, kFindSql));
  connection.prepare(kList, absl::StrCat("SELECT ", kViewColumns, kListSql));
  connection.prepare(kListByState,
                     absl::StrCat("SELECT ", kViewColumns, kListByStateSql));
}

absl::StatusOr<absl::flat_hash_set<std::string>> PgMypageStore::Known(
    absl::Span<const std::string> order_ids) {
  Array ids;
  for (const std::string& id : order_ids) ids.Add(id);
  absl::flat_hash_set<std::string> known;
  for (const pqxx::row& row : tx_.exec_prepared(kKnown, ids.text())) {
    known.insert(row[0].c_str());
  }
  return known;
}

absl::StatusOr<absl::flat_hash_set<std::string>> PgMypageStore::Insert(
    absl::Span<const MypageView* const> views) {
  Columns columns;
  for (const MypageView* view : views) columns.Add(*view);
  absl::flat_hash_set<std::string> inserted;
  for (const pqxx::row& row : columns.Exec(tx_, kInsert)) {
    inserted.insert(row[0].c_str());
  }
  return inserted;
}

absl::StatusOr<std::vector<MypageView>> PgMypageStore::Load(
    absl::Span<const std::string> order_ids) {
  Array ids;
  for (const std::string& id : order_ids) ids.Add(id);
  return ViewsOf(tx_.exec_prepared(kLoad, ids.text()));
}

absl::Status PgMypageStore::Update(absl::Span<const MypageView> views) {
  Columns columns;
  for (const MypageView& view : views) columns.Add(view);
  columns.Exec(tx_, kUpdate);
  return absl::OkStatus();
}

absl::Status MypageNotFound(absl::string_view order_id) {
  return platform::Error(
      absl::StatusCode::kNotFound, "MYPAGE_NOT_FOUND",
      absl::StrCat("Nothing was heard of order ", order_id, "."),
      {{"order_id", order_id}});
}

absl::StatusOr<MypageView> FindMypage(pqxx::transaction_base& tx,
                                      const std::string& order_id) {
  const pqxx::result rows = tx.exec_prepared(kFind, order_id);
  if (rows.empty()) return MypageNotFound(order_id);
  return ViewOf(rows[0]);
}

absl::StatusOr<std::vector<MypageView>> ListMypages(
    pqxx::transaction_base& tx, int32_t customer_id,
    std::optional<int32_t> order_state, const std::string& before, int limit) {
  const std::string below = before.empty() ? kMaxUuid : before;
  return ViewsOf(order_state.has_value()
                     ? tx.exec_prepared(kListByState, customer_id, below, limit,
                                        *order_state)
                     : tx.exec_prepared(kList, customer_id, below, limit));
}

absl::StatusOr<MypageView> ViewOf(const pqxx::row& row) {
  absl::StatusOr<std::vector<Entry>> timeline =
      ParseTimeline(absl::string_view(row[6].c_str(), row[6].size()));
  if (!timeline.ok()) return timeline.status();
  Header header{row[1].as<int32_t>(), row[2].as<int32_t>(),
                row[3].as<int32_t>(), row[4].as<int32_t>(), std::nullopt};
  if (!row[5].is_null()) {
    header.created = platform::pg::FromMicros(row[5].as<int64_t>());
  }
  return MypageView::Restore(row[0].c_str(), header, *std::move(timeline));
}

}  // namespace mypage
