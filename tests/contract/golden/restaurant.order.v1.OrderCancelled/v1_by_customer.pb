
a
$0190a6d0-7c00-7000-8000-000000000005 (08Bô¶š³€”ï:J°·š³èÊ€¸Rchanged my "mind"\changed my "mind"\customer