// Request validation of every RPC: bytes are read as each request there is.
// What passes keeps the rules that the rest of the service relies on.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cook/adapters/cook_validation.h"
#include "delivery/adapters/delivery_validation.h"
#include "mypage/adapters/mypage_validation.h"
#include "mypage/adapters/watch_messages.h"
#include "order/adapters/order_validation.h"
#include "platform/page/page_token.h"
#include "platform/uuid/uuid.h"
#include "tests/fuzz/check.h"

namespace {

using fuzz::Claim;
using fuzz::ClaimBadInput;

bool IsCanonical(const std::string& id) {
  return platform::ParseUuid(id) == id;
}

// Reads `bytes` as a request, checks it, and passes on what is good.
template <typename Request, typename Check, typename Good>
void Try(const std::string& bytes, Check check, Good good) {
  Request request;
  if (!request.ParseFromString(bytes)) return;
  const auto checked = check(request);
  if (checked.ok()) {
    good(*checked);
  } else {
    ClaimBadInput(checked.status());
  }
}

void Order(const std::string& bytes) {
  namespace v1 = order::v1;
  static const std::vector<std::vector<std::string>> keys = {
      {}, {"key-1"}, {""}, {"key-1", "key-2"}};
  for (const std::vector<std::string>& sent : keys) {
    Try<v1::PlaceOrderRequest>(
        bytes, [&](const auto& r) { return order::Validate(r, sent); },
        [&](const order::PlaceInput& input) {
          Claim(sent.empty() || sent == keys[1], "one key, not empty");
          Claim(input.wish.qty >= 1 && input.wish.qty <= 100, "qty");
          Claim(input.wish.customer_id > 0, "customer_id");
          Claim(input.request_id.size() <= 64, "request_id");
        });
  }
  const auto check = [](const auto& r) { return order::Validate(r); };
  Try<v1::GetOrderRequest>(bytes, check, [](const std::string& id) {
    Claim(IsCanonical(id), "order_id");
  });
  Try<v1::ListOrdersRequest>(bytes, check, [](const order::ListInput& input) {
    Claim(input.page_size >= 1 && input.page_size <= 100, "page_size");
    Claim(input.customer_id > 0, "customer_id");
    Claim(input.before.empty() || IsCanonical(input.before), "page_token");
  });
  Try<v1::CancelOrderRequest>(bytes, check, [](const order::CancelInput& in) {
    Claim(IsCanonical(in.order_id), "order_id");
    Claim(in.reason.find('\0') == std::string::npos, "reason");
  });
}

void Cook(const std::string& bytes) {
  namespace v1 = cook::v1;
  const auto check = [](const auto& r) { return cook::Checked(r); };
  const auto id = [](const std::string& order_id) {
    Claim(IsCanonical(order_id), "order_id");
  };
  const auto item = [](const cook::Item& checked) {
    Claim(checked.restaurant_id > 0 && checked.restaurant_menu_id > 0, "item");
  };
  for (const bool from_order : {false, true}) {
    Try<v1::CancelTicketRequest>(
        bytes, [&](const auto& r) { return cook::Checked(r, from_order); },
        [&](const cook::CancelCommand& command) {
          id(command.order.order_id);
          Claim(from_order || !command.may_make_tombstone, "tombstone");
          if (!command.may_make_tombstone) return;
          Claim(command.order.qty >= 1 && command.order.qty <= 100, "qty");
        });
  }
  Try<v1::GetTicketRequest>(bytes, check, id);
  Try<v1::FinishCookingRequest>(bytes, check, id);
  Try<v1::GetStockRequest>(bytes, check, item);
  Try<v1::SetStockRequest>(bytes, check, item);
  const auto page = [](const auto& checked) {
    Claim(checked.size >= 1 && checked.size <= 100, "page_size");
  };
  Try<v1::ListTicketsRequest>(bytes, check, page);
  Try<v1::ListCancellationsRequest>(bytes, check, page);
  Try<v1::ListStockRequest>(bytes, check, page);
}

void Delivery(const std::string& bytes) {
  namespace v1 = delivery::v1;
  const auto check = [](const auto& r) { return delivery::Checked(r); };
  const auto id = [](const std::string& order_id) {
    Claim(IsCanonical(order_id), "order_id");
  };
  Try<v1::GetDeliveryRequest>(bytes, check, id);
  Try<v1::CompleteDeliveryRequest>(bytes, check, id);
  Try<v1::ListDeliveriesRequest>(
      bytes, check, [](const delivery::DeliveriesPage& page) {
        Claim(page.size >= 1 && page.size <= 100, "page_size");
      });
}

void Mypage(const std::string& bytes) {
  namespace v1 = mypage::v1;
  const auto check = [](const auto& r) { return mypage::Validate(r); };
  Try<v1::GetMypageRequest>(bytes, check, [](const mypage::GetInput& input) {
    Claim(IsCanonical(input.order_id), "order_id");
    Claim(input.min_order_version >= 0, "min_order_version");
  });
  Try<v1::ListMypagesRequest>(bytes, check, [](const mypage::ListInput& in) {
    Claim(in.page_size >= 1 && in.page_size <= 100, "page_size");
    Claim(in.before.empty() || IsCanonical(in.before), "page_token");
  });
  Try<v1::WatchMypageRequest>(bytes, check, [](const mypage::WatchInput& in) {
    Claim(!in.key.is_list() && IsCanonical(in.key.order_id), "order_id");
    Claim(!in.have.has_value() || in.have->at(in.key.order_id) > 0, "have");
  });
  Try<v1::WatchMypagesRequest>(bytes, check, [](const mypage::WatchInput& in) {
    Claim(in.key.is_list() && in.key.customer_id > 0, "customer_id");
    Claim(in.key.page_size >= 1 && in.key.page_size <= 100, "page_size");
  });
}

// Any text as a token, and a token that holds any bytes.
void ResumeTokens(const std::string& bytes) {
  const mypage::WatchKey list{
      .order_id = "", .customer_id = 7, .page_size = 20};
  const auto none = mypage::ParseResumeToken(list, bytes);
  if (!none.ok()) ClaimBadInput(none.status());

  const auto have = mypage::ParseResumeToken(
      list, platform::EncodePageToken("WatchMypages/7/20", "\1" + bytes));
  Claim(have.ok(), "there and back");
  for (const auto& [id, version] : *have) {
    Claim(IsCanonical(id), "id in a token");
    Claim(version >= 0 && version <= 0xffff, "version in a token");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  Order(bytes);
  Cook(bytes);
  Delivery(bytes);
  Mypage(bytes);
  ResumeTokens(bytes);
  return 0;
}
