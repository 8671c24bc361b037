// The gRPC side of mypage.
#pragma once

#include "mypage/adapters/version_wait.h"
#include "mypage/adapters/watch_hub.h"
#include "platform/auth/access.h"
#include "platform/pg/pool.h"
#include "platform/thread/executor.h"
#include "restaurant/mypage/v1/mypage_service.grpc.pb.h"

namespace mypage {

namespace v1 = ::restaurant::mypage::v1;

// The generated service, with watching calls that write bytes: what many hear
// is encoded once.
using MypageServiceBase = v1::MypageService::WithCallbackMethod_GetMypage<
    v1::MypageService::WithCallbackMethod_ListMypages<
        v1::MypageService::WithRawCallbackMethod_WatchMypage<
            v1::MypageService::WithRawCallbackMethod_WatchMypages<
                v1::MypageService::Service>>>>;

// Answers from the stored views. Thread-safe.
class MypageServiceImpl final : public MypageServiceBase {
 public:
  // All must outlive the service and the server it is registered with. `pool`
  // must have been prepared with PrepareMypage(). At most `max_waiting` calls
  // may wait for a version at once; each reads 50 times a second.
  MypageServiceImpl(const platform::auth::Access& access,
                    platform::Executor& executor, platform::pg::Pool& pool,
                    WatchHub& hub, int max_waiting = 256);

  grpc::ServerUnaryReactor* GetMypage(grpc::CallbackServerContext* context,
                                      const v1::GetMypageRequest* request,
                                      v1::GetMypageResponse* response) override;

  grpc::ServerUnaryReactor* ListMypages(
      grpc::CallbackServerContext* context,
      const v1::ListMypagesRequest* request,
      v1::ListMypagesResponse* response) override;

  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchMypage(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* request) override;

  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchMypages(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* request) override;

 private:
  template <typename RequestT>
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(
      grpc::CallbackServerContext* context, const char* method,
      grpc::ByteBuffer bytes);

  const platform::auth::Access& access_;
  platform::Executor& executor_;
  platform::pg::Pool& pool_;
  WatchHub& hub_;
  WaitingRoom waiting_room_;
};

}  // namespace mypage
