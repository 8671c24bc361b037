// The gRPC side of mypage.
#pragma once

#include "mypage/adapters/version_wait.h"
#include "platform/auth/access.h"
#include "platform/pg/pool.h"
#include "platform/thread/executor.h"
#include "restaurant/mypage/v1/mypage_service.grpc.pb.h"

namespace mypage {

namespace v1 = ::restaurant::mypage::v1;

// Answers from the stored views. Thread-safe.
class MypageServiceImpl final : public v1::MypageService::CallbackService {
 public:
  // All must outlive the service and the server it is registered with. `pool`
  // must have been prepared with PrepareMypage(). At most `max_waiting` calls
  // may wait for a version at once; each reads 50 times a second.
  MypageServiceImpl(const platform::auth::Access& access,
                    platform::Executor& executor, platform::pg::Pool& pool,
                    int max_waiting = 256);

  grpc::ServerUnaryReactor* GetMypage(grpc::CallbackServerContext* context,
                                      const v1::GetMypageRequest* request,
                                      v1::GetMypageResponse* response) override;

  grpc::ServerUnaryReactor* ListMypages(
      grpc::CallbackServerContext* context,
      const v1::ListMypagesRequest* request,
      v1::ListMypagesResponse* response) override;

 private:
  const platform::auth::Access& access_;
  platform::Executor& executor_;
  platform::pg::Pool& pool_;
  WaitingRoom waiting_room_;
};

}  // namespace mypage
