// MypageView → mypage.v1.Mypage.
#pragma once

#include "mypage/domain/mypage_view.h"
#include "restaurant/mypage/v1/mypage_service.pb.h"

namespace mypage {

namespace v1 = ::restaurant::mypage::v1;

void ToProto(const MypageView& view, v1::Mypage* mypage);

}  // namespace mypage
