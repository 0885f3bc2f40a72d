-- The shop's database, created anew for each conversation.

CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    customer_since TEXT NOT NULL
);

CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    product TEXT NOT NULL,
    price_eur REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('paid', 'shipped', 'delivered', 'returned')),
    ordered_on TEXT NOT NULL,
    expected_on TEXT NOT NULL,
    carrier TEXT
);

INSERT INTO customers (id, name, email, customer_since) VALUES
    (7, 'Ada Lindqvist', 'ada@lindqvist.example', '2021-05-02'),
    (8, 'Bruno Okafor', 'bruno@okafor.example', '2023-11-17'),
    (9, 'Chie Moreau', 'chie@moreau.example', '2024-02-29');

INSERT INTO orders (id, customer_id, product, price_eur, state, ordered_on, expected_on, carrier) VALUES
    (1017, 7, 'Wool blanket, grey', 89.0, 'delivered', '2026-01-12', '2026-01-19', 'Brevo Parcel'),
    (1029, 8, 'Oak bookend, pair', 34.5, 'returned', '2026-02-03', '2026-02-10', 'Nordlogistik'),
    (1042, 7, 'Walnut desk lamp', 129.0, 'shipped', '2026-03-03', '2026-03-10', 'Nordlogistik'),
    (1043, 9, 'Linen curtain, 140 cm', 59.9, 'paid', '2026-03-12', '2026-03-20', NULL);
