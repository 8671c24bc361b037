
]
$0190a6d0-7c00-7000-8000-000000000004 (08Bê∂ö≥ÄîÔ:JÍ∂ö≥Ë Ä∏RALREADY_COOKEDALREADY_COOKEDkitchen