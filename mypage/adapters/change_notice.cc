#include "mypage/adapters/change_notice.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/substitute.h"

namespace mypage {
namespace {

// "<order id>:<customer id>", of up to 150 views, separated by blanks: Postgres
// refuses payloads of 8000 bytes and more.
constexpr char kTold[] = R"sql(
    WITH changed AS ($0),
    told AS (
      SELECT pg_notify('$1', string_agg(order_id || ':' || customer_id, ' '))
      FROM (SELECT *, row_number() OVER () / 150 AS part FROM changed) AS c
      GROUP BY part)
    SELECT order_id FROM changed CROSS JOIN (SELECT count(*) FROM told) AS t)sql";

}  // namespace

std::string TellingOf(absl::string_view sql) {
  return absl::Substitute(kTold, sql, kChangeChannel);
}

void NotifyAllChanged(pqxx::transaction_base& tx) {
  tx.exec(absl::StrCat("NOTIFY ", kChangeChannel, ", '*'"));
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
