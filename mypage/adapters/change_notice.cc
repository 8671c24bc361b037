#include "mypage/adapters/change_notice.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "platform/pg/array.h"

namespace mypage {
namespace {

constexpr char kAll[] = "*";
// Postgres refuses 8000 bytes and more.
constexpr size_t kMaxPayload = 7999;

constexpr char kNotify[] = "mypage_notify";
constexpr char kNotifySql[] = R"sql(
    SELECT pg_notify('mypage_changes', payload)
    FROM unnest($1::text[]) AS t(payload))sql";

}  // namespace

void PrepareChangeNotice(pqxx::connection& connection) {
  connection.prepare(kNotify, kNotifySql);
}

absl::Status NotifyChanged(platform::pg::Pool& pool,
                           absl::Span<const Heard> events) {
  ChangeNotice notice;
  absl::flat_hash_set<absl::string_view> told;
  for (const Heard& heard : events) {
    if (told.insert(heard.order_id).second) {
      notice.changes.push_back({heard.order_id, heard.header.customer_id});
    }
  }
  platform::pg::Array payloads;
  for (const std::string& payload : ToPayloads(notice)) payloads.Add(payload);
  return pool.Write([&](pqxx::nontransaction& tx) {
    tx.exec_prepared(kNotify, payloads.text());
    return absl::OkStatus();
  });
}

void NotifyAllChanged(pqxx::transaction_base& tx) {
  tx.exec(absl::StrCat("NOTIFY ", kChangeChannel, ", '", kAll, "'"));
}

std::vector<std::string> ToPayloads(const ChangeNotice& notice) {
  if (notice.all) return {kAll};
  std::vector<std::string> payloads;
  for (const ChangeNotice::Change& change : notice.changes) {
    const std::string text =
        absl::StrCat(change.order_id, ":", change.customer_id);
    if (payloads.empty() ||
        payloads.back().size() + 1 + text.size() > kMaxPayload) {
      payloads.push_back(text);
    } else {
      absl::StrAppend(&payloads.back(), " ", text);
    }
  }
  return payloads;
}

ChangeNotice ParsePayload(absl::string_view payload) {
  ChangeNotice notice;
  for (absl::string_view each :
       absl::StrSplit(payload, ' ', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(each, ':');
    int32_t customer_id = 0;
    if (!absl::SimpleAtoi(parts.second, &customer_id)) {
      return {.all = true, .changes = {}};
    }
    notice.changes.push_back({std::string(parts.first), customer_id});
  }
  return notice;
}

}  // namespace mypage
