#include "mypage/adapters/mypage_service.h"

#include <utility>
#include <vector>

#include "mypage/adapters/mypage_proto.h"
#include "mypage/adapters/mypage_validation.h"
#include "mypage/adapters/pg_mypage_store.h"
#include "platform/grpc/call.h"
#include "platform/grpc/unreadable.h"
#include "platform/page/page_token.h"

namespace mypage {

using platform::Priority;
using platform::auth::Caller;
using platform::auth::NotYours;
using platform::rpc::Answer;
using platform::rpc::Call;

MypageServiceImpl::MypageServiceImpl(const platform::auth::Access& access,
                                     platform::Executor& executor,
                                     platform::pg::Pool& pool, WatchHub& hub,
                                     int max_waiting)
    : access_(access),
      executor_(executor),
      pool_(pool),
      hub_(hub),
      waiting_room_(max_waiting) {}

grpc::ServerUnaryReactor* MypageServiceImpl::GetMypage(
    grpc::CallbackServerContext* context, const v1::GetMypageRequest* request,
    v1::GetMypageResponse* response) {
  absl::StatusOr<Caller> caller = access_.Admit(*context, "GetMypage");
  if (!caller.ok()) return Answer(context, "GetMypage", caller.status());
  absl::StatusOr<GetInput> input = Validate(*request);
  if (!input.ok()) return Answer(context, "GetMypage", input.status());
  auto* const call = new Call(context, "GetMypage");
  call->SetAggregateId(input->order_id);
  const auto read = [this, response, caller = *std::move(caller),
                     input = *std::move(input)]() -> absl::StatusOr<bool> {
    bool reached = false;
    absl::Status status = pool_.Read([&](pqxx::nontransaction& tx) {
      const absl::StatusOr<MypageView> view = FindMypage(tx, input.order_id);
      if (!view.ok()) return view.status();
      if (!caller.Is(view->header().customer_id)) {
        return MypageNotFound(input.order_id);
      }
      reached = view->part(Source::kOrder).version >= input.min_order_version;
      if (reached) ToProto(*view, response->mutable_mypage());
      return absl::OkStatus();
    });
    // A view that is not there yet is one at version 0.
    if (absl::IsNotFound(status) && input.min_order_version > 0) return false;
    if (!status.ok()) return status;
    return reached;
  };
  ReadUntilReached(executor_, waiting_room_, call, read);
  return call;
}

grpc::ServerUnaryReactor* MypageServiceImpl::ListMypages(
    grpc::CallbackServerContext* context, const v1::ListMypagesRequest* request,
    v1::ListMypagesResponse* response) {
  const absl::StatusOr<Caller> caller = access_.Admit(*context, "ListMypages");
  if (!caller.ok()) return Answer(context, "ListMypages", caller.status());
  absl::StatusOr<ListInput> input = Validate(*request);
  if (!input.ok()) return Answer(context, "ListMypages", input.status());
  if (!caller->Is(input->customer_id)) {
    return Answer(context, "ListMypages", NotYours("customer_id"));
  }
  return platform::rpc::Run(
      executor_, Priority::kUrgent, context, "ListMypages",
      [this, response, input = *std::move(input)](Call& /*call*/) {
        return pool_.Read([&](pqxx::nontransaction& tx) {
          // One more than asked for tells whether there is another page.
          const absl::StatusOr<std::vector<MypageView>> views =
              mypage::ListMypages(tx, input.customer_id, input.order_state,
                                  input.before, input.page_size + 1);
          if (!views.ok()) return views.status();
          for (const MypageView& view : *views) {
            if (response->mypages_size() == input.page_size) {
              response->set_next_page_token(platform::EncodePageToken(
                  input.scope,
                  response->mypages(input.page_size - 1).order_id()));
              break;
            }
            ToProto(view, response->add_mypages());
          }
          return absl::OkStatus();
        });
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* MypageServiceImpl::WatchMypage(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return Watch<v1::WatchMypageRequest>(context, "WatchMypage", *request);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* MypageServiceImpl::WatchMypages(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return Watch<v1::WatchMypagesRequest>(context, "WatchMypages", *request);
}

template <typename RequestT>
grpc::ServerWriteReactor<grpc::ByteBuffer>* MypageServiceImpl::Watch(
    grpc::CallbackServerContext* context, const char* method,
    grpc::ByteBuffer bytes) {
  absl::StatusOr<Caller> caller = access_.Admit(*context, method);
  if (!caller.ok()) return RefuseWatch(context, method, caller.status());
  RequestT request;
  if (!grpc::SerializationTraits<RequestT>::Deserialize(&bytes, &request)
           .ok()) {
    return RefuseWatch(context, method, platform::rpc::Unreadable());
  }
  absl::StatusOr<WatchInput> input = Validate(request);
  if (!input.ok()) return RefuseWatch(context, method, input.status());
  if (input->key.is_list() && !caller->Is(input->key.customer_id)) {
    return RefuseWatch(context, method, NotYours("customer_id"));
  }
  return hub_.Watch(context, method, *std::move(caller), *std::move(input));
}

}  // namespace mypage
