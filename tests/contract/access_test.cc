// The rules of who may call what: complete, and as docs/security.md says.

#include "cook/adapters/access.h"

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

#include "delivery/adapters/access.h"
#include "mypage/adapters/access.h"
#include "order/adapters/access.h"
#include "restaurant/cook/v1/cook_service.pb.h"
#include "restaurant/delivery/v1/delivery_service.pb.h"
#include "restaurant/mypage/v1/mypage_service.pb.h"
#include "restaurant/order/v1/order_service.pb.h"

namespace {

using ::platform::auth::Grant;
using ::platform::auth::Rule;
using ::platform::auth::Rules;
using ::platform::auth::Scope;
using ::testing::UnorderedElementsAreArray;

struct Service {
  const google::protobuf::FileDescriptor* file;
  Rules rules;
};

std::vector<Service> Services() {
  return {{restaurant::order::v1::PlaceOrderRequest::descriptor()->file(),
           order::AccessRules()},
          {restaurant::cook::v1::CancelTicketRequest::descriptor()->file(),
           cook::AccessRules()},
          {restaurant::delivery::v1::GetDeliveryRequest::descriptor()->file(),
           delivery::AccessRules()},
          {restaurant::mypage::v1::GetMypageRequest::descriptor()->file(),
           mypage::AccessRules()}};
}

TEST(AccessTest, EveryRpcHasOneRule) {
  for (const Service& service : Services()) {
    const auto* api = service.file->service(0);
    std::vector<std::string> rpcs;
    for (int i = 0; i < api->method_count(); ++i) {
      rpcs.push_back(api->method(i)->name());
    }
    std::vector<std::string> rules;
    for (const Rule& rule : service.rules) rules.push_back(rule.method);
    EXPECT_THAT(rules, UnorderedElementsAreArray(rpcs)) << api->name();
  }
}

// As in the document: `| OrderService.GetOrder | own |  |  | all |  |`.
std::string Row(const std::string& api, const Rule& rule) {
  std::string row = absl::StrCat("| `", api, ".", rule.method, "` |");
  std::set<std::string> roles;
  for (const Grant& grant : rule.grants) roles.insert(grant.role);
  for (const char* role :
       {"customer", "kitchen", "courier", "operator", "service"}) {
    roles.erase(role);
    std::string cell;
    for (const Grant& grant : rule.grants) {
      if (grant.role != role) continue;
      cell = !grant.subject.empty() ? absl::StrCat("`", grant.subject, "`")
             : grant.scope == Scope::kAll ? "all"
                                          : "own";
    }
    absl::StrAppend(&row, cell.empty() ? "" : " ", cell, " |");
  }
  EXPECT_TRUE(roles.empty()) << "a role that the document has no column for";
  return row;
}

TEST(AccessTest, TheDocumentShowsTheRules) {
  std::vector<std::string> rules;
  for (const Service& service : Services()) {
    for (const Rule& rule : service.rules) {
      rules.push_back(Row(service.file->service(0)->name(), rule));
    }
  }
  std::ifstream file(SOURCE_DIR "/docs/security.md");
  std::vector<std::string> shown;
  for (std::string line; std::getline(file, line);) {
    if (absl::StrContains(line, "Service.") && absl::StartsWith(line, "| `")) {
      shown.push_back(line);
    }
  }
  EXPECT_THAT(shown, UnorderedElementsAreArray(rules));
}

}  // namespace
