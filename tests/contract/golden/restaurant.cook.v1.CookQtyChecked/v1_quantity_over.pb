
[
$0190a6d0-7c00-7000-8000-000000000009 (08B„ºš³€”ï:J„ºš³€”ï:RQUANTITY_OVERQUANTITY_OVER"kitchen