// Every field of every request, at its bounds.

#include "mypage/adapters/mypage_validation.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/page/page_token.h"
#include "platform/status/error.h"

namespace mypage {
namespace {

constexpr char kValidId[] = "0197e3b0-0000-7000-8000-00000000000a";

// True if the request is refused because of `field`, among others.
template <typename RequestT>
testing::AssertionResult Refused(const RequestT& request,
                                 absl::string_view field) {
  const absl::Status status = Validate(request).status();
  if (!absl::IsInvalidArgument(status) ||
      platform::ReasonOf(status) != "INVALID_FIELD") {
    return testing::AssertionFailure() << status;
  }
  bool named = false;
  status.ForEachPayload([&](absl::string_view, const absl::Cord& payload) {
    named |= std::string(payload).find(std::string(field)) != std::string::npos;
  });
  return named ? testing::AssertionSuccess()
               : testing::AssertionFailure() << "does not name " << field;
}

TEST(MypageValidationTest, GetMypage) {
  v1::GetMypageRequest request;
  EXPECT_TRUE(Refused(request, "order_id"));
  for (const char* bad : {"1", "0197e3b0-0000-7000-8000-00000000000",
                          "0197e3b0-0000-7000-8000-00000000000g",
                          "'; DROP TABLE mypage_views; --", "{}"}) {
    request.set_order_id(bad);
    EXPECT_TRUE(Refused(request, "order_id")) << bad;
  }

  request.set_order_id("0197E3B0-0000-7000-8000-00000000000A");
  ASSERT_TRUE(Validate(request).ok());
  EXPECT_EQ(Validate(request)->order_id, kValidId);
  for (int bad : {-1, 1001, 2147483647, -2147483647}) {
    request.set_min_order_version(bad);
    EXPECT_TRUE(Refused(request, "min_order_version")) << bad;
  }
  for (int good : {0, 1, 1000}) {
    request.set_min_order_version(good);
    ASSERT_TRUE(Validate(request).ok());
    EXPECT_EQ(Validate(request)->min_order_version, good);
  }
}

TEST(MypageValidationTest, ListMypages) {
  v1::ListMypagesRequest request;
  for (int bad : {0, -1, -2147483647}) {
    request.set_customer_id(bad);
    EXPECT_TRUE(Refused(request, "customer_id")) << bad;
  }
  request.set_customer_id(2147483647);
  ASSERT_TRUE(Validate(request).ok());
  EXPECT_EQ(Validate(request)->page_size, 20);
  EXPECT_EQ(Validate(request)->order_state, std::nullopt);
  EXPECT_EQ(Validate(request)->before, "");

  for (int bad : {-1, 6, 2147483647}) {
    request.set_order_status(
        static_cast<::restaurant::order::v1::OrderStatus>(bad));
    EXPECT_TRUE(Refused(request, "order_status")) << bad;
  }
  request.set_order_status(::restaurant::order::v1::ORDER_STATUS_CANCELLED);
  EXPECT_EQ(Validate(request)->order_state, 4);

  for (int bad : {-1, 101}) {
    request.set_page_size(bad);
    EXPECT_TRUE(Refused(request, "page_size")) << bad;
  }
  for (int good : {1, 100}) {
    request.set_page_size(good);
    EXPECT_EQ(Validate(request)->page_size, good);
  }
}

TEST(MypageValidationTest, APageTokenIsGoodForItsOwnListOnly) {
  v1::ListMypagesRequest request;
  request.set_customer_id(7);
  const std::string scope = Validate(request)->scope;
  request.set_page_token(platform::EncodePageToken(scope, kValidId));
  ASSERT_TRUE(Validate(request).ok());
  EXPECT_EQ(Validate(request)->before, kValidId);

  v1::ListMypagesRequest other = request;
  other.set_customer_id(8);
  EXPECT_TRUE(Refused(other, "page_token"));
  other = request;
  other.set_order_status(::restaurant::order::v1::ORDER_STATUS_ORDERED);
  EXPECT_TRUE(Refused(other, "page_token"));
  other = request;
  other.set_page_token("garbage");
  EXPECT_TRUE(Refused(other, "page_token"));
  other.set_page_token(platform::EncodePageToken(scope, "' OR true --"));
  EXPECT_TRUE(Refused(other, "page_token"));
}

TEST(MypageValidationTest, AllBadFieldsAreNamedAtOnce) {
  v1::ListMypagesRequest request;
  request.set_page_size(-1);
  request.set_page_token("garbage");

  EXPECT_TRUE(Refused(request, "customer_id"));
  EXPECT_TRUE(Refused(request, "page_size"));
  EXPECT_TRUE(Refused(request, "page_token"));
}

}  // namespace
}  // namespace mypage
