. src/table.sh
table 12
