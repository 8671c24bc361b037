#include "mypage/adapters/mypage_proto.h"

#include "platform/grpc/time.h"

namespace mypage {

namespace order_v1 = ::restaurant::order::v1;
namespace cook_v1 = ::restaurant::cook::v1;
namespace delivery_v1 = ::restaurant::delivery::v1;
using platform::rpc::ToProto;

void ToProto(const MypageView& view, v1::Mypage* mypage) {
  mypage->set_order_id(view.order_id());
  const Header& header = view.header();
  mypage->set_customer_id(header.customer_id);
  mypage->set_restaurant_id(header.restaurant_id);
  mypage->set_restaurant_menu_id(header.restaurant_menu_id);
  mypage->set_qty(header.qty);
  // A number that this program does not know travels on as it is.
  const MypageView::Part order = view.part(Source::kOrder);
  mypage->set_order_status(static_cast<order_v1::OrderStatus>(order.state));
  mypage->set_order_version(order.version);
  mypage->set_cook_status(
      static_cast<cook_v1::TicketStatus>(view.part(Source::kCook).state));
  mypage->set_delivery_status(static_cast<delivery_v1::DeliveryStatus>(
      view.part(Source::kDelivery).state));
  for (const Entry& entry : view.timeline()) {
    v1::TimelineEntry* shown = mypage->add_timeline();
    shown->set_status(entry.status);
    *shown->mutable_at() = ToProto(entry.at);
    shown->set_by(entry.by);
    shown->set_reason(entry.reason);
  }
  mypage->set_version(view.version());
  if (header.created.has_value()) {
    *mypage->mutable_create_date() = ToProto(*header.created);
  }
  *mypage->mutable_modified_date() = ToProto(view.modified());
}

}  // namespace mypage
